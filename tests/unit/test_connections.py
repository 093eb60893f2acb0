"""The connections file: what it gives, and that every fault in it is named at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from pydantic import SecretStr

from worker.config import environment
from worker.config.faults import ConfigurationError, Fault
from worker.config.text_file import Files, read_text
from worker.connections import (
    EXAMPLE,
    SCOPES,
    Connection,
    Connections,
    Throttle,
    key_examples,
    load_connections,
)
from worker.ipaas.endpoint import IPaaSEndpoint, Login, ReadThrottle
from worker.ipaas.subscription import Subscription
from worker.mapping.mapping import Mapping
from worker.stamped.endpoint import StampedEndpoint, StampedGiven

if TYPE_CHECKING:
    from pydantic import BaseModel

ENVIRON = {"IPAAS_TOKEN": "token-1", "STAMPED_PUBLIC_KEY": "pub-1", "STAMPED_PRIVATE_KEY": "private-1"}

LINES = {
    "system_id": "system_id = 4021",
    "name": 'name = "Acme EU"',
    "ipaas": 'ipaas = { api_url = "https://api.ipaas.com", token = "token-1" }',
    "stamped": 'stamped = { api_url = "https://stamped.io", public_key = "pub-1", private_key = "private-1", '
    'store_hash = "270392" }',
}


def _toml(**changes: str) -> str:
    """One connection; a change replaces or adds a line, and an empty one takes it away."""
    return "\n".join(["[[connection]]", *({**LINES, **changes}.values()), ""])


def _ipaas(given: str = '"token-1"', api_url: str = '"https://api.ipaas.com"') -> str:
    return f"ipaas = {{ api_url = {api_url}, token = {given} }}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the connections file of a test is."""
    return tmp_path / "connections.toml"


def _load(file: Path, text: str) -> Connections:
    file.write_text(text, encoding="utf-8")
    return load_connections(file, ENVIRON)


def _only(file: Path, text: str) -> Connection:
    (connection,) = _load(file, text)
    return connection


def _faults(file: Path, text: str) -> tuple[Fault, ...]:
    with pytest.raises(ConfigurationError) as raised:
        _load(file, text)
    return raised.value.faults


def token_of(connection: Connection) -> str:
    """The connection's API key."""
    assert connection.ipaas.token
    return connection.ipaas.token.get_secret_value()


# What a file gives ---------------------------------------------------------------------------------------------------


def test_the_example_file_loads(file: Path) -> None:
    """What `connections --example` prints needs nothing but its three variables."""
    connection = _only(file, EXAMPLE)
    assert (connection.system_id, connection.name) == (4021, "Acme EU")
    assert token_of(connection) == "token-1"
    assert connection.stamped.public_key == "pub-1"
    assert connection.endpoint.private_key.get_secret_value() == "private-1"


def test_what_may_be_left_out_has_defaults(file: Path) -> None:
    """Both triggers, the specification's mapping and the usual throttle."""
    connection = _only(file, _toml())
    assert connection.triggers == set(SCOPES)
    assert connection.mapping is Mapping.default()
    throttle = connection.throttle
    assert (throttle.limit, throttle.seconds, throttle.concurrent) == (500, 60, 10)


def test_system_id_and_ipaas_alone_are_a_connection(file: Path) -> None:
    """The subscription says the rest; the connection is called by its system id until it has a name."""
    connection = _only(file, _toml(name="", stamped=""))
    assert connection.unsaid == {*StampedGiven.model_fields, *Throttle.model_fields}
    assert (connection.label, str(_load(file, _toml(name="", stamped="")))) == ("4021", "4021")


def test_what_the_file_says_wins_over_the_subscription(file: Path) -> None:
    """Key by key, but a rate is one: the file's limit in the subscription's seconds would be neither's."""
    given = 'stamped = { store_hash = "270392" }'
    connection = _only(file, _toml(stamped=given, throttle="throttle = { limit = 100 }"))
    assert connection.unsaid == {"api_url", "public_key", "private_key", "concurrent"}
    said = Subscription(
        api_url="https://other.example",
        public_key="pub-2",
        private_key=SecretStr("private-2"),
        store_hash="1",
        limit=7,
        seconds=1,
        concurrent=3,
    )
    whole = connection.joined(said)
    assert whole.endpoint == StampedEndpoint(
        api_url="https://other.example", public_key="pub-2", private_key=SecretStr("private-2"), store_hash="270392"
    )
    assert whole.throttle == Throttle(limit=100, seconds=60, concurrent=3)
    assert whole.unsaid == frozenset()


def test_a_key_that_is_a_variables_name_can_be_used(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a subscription says was checked when it was read: nothing of this machine decides about it."""
    monkeypatch.setenv("SOMEKEY", "x")
    said = Subscription(api_url="https://stamped.io", public_key="SOMEKEY", private_key=SecretStr("x"), store_hash="1")
    assert _only(file, _toml(stamped="")).joined(said).endpoint.public_key == "SOMEKEY"


@pytest.mark.parametrize("key", ["public_key", "private_key"])
def test_a_key_of_the_file_needs_its_address_beside_it(file: Path, key: str) -> None:
    """Otherwise it would be sent to whatever address the subscription names."""
    with pytest.raises(ConfigurationError, match=f"stamped.{key}: needs api_url beside it"):
        _load(file, _toml(stamped=f'stamped = {{ {key} = "some-key-1" }}'))


def test_a_connection_whose_stamped_is_whole_takes_nothing_from_the_subscription(file: Path) -> None:
    """Not even its throttle, which is then the usual one."""
    assert _only(file, _toml()).unsaid == frozenset()


def test_connections_are_found_by_system_id_and_listed_in_file_order(file: Path) -> None:
    """The system id is the key; the order is the person's."""
    connections = _load(file, _toml() + _toml(system_id="system_id = 7", name='name = "Second"'))
    assert [connection.system_id for connection in connections] == [4021, 7]
    assert connections[7].name == "Second"
    assert connections.get(8) is None
    assert len(connections) == 2


def test_triggers_can_be_switched_off(file: Path) -> None:
    """One, or all of them."""
    assert _only(file, _toml(triggers='triggers = ["customer/updated"]')).triggers == {"customer/updated"}
    assert _only(file, _toml(triggers="triggers = []")).triggers == set()


def test_a_mapping_file_is_found_beside_the_connections_file(file: Path) -> None:
    """Its path is relative to the file that names it."""
    rows = '[[row]]\ntype = "Field"\nsource = "Company"\ndestination = "Email"\n'
    (file.parent / "mapping.toml").write_text(rows)
    connection = _only(file, _toml(mapping='mapping = "mapping.toml"'))
    assert [row.source for row in connection.mapping.rows] == ["Company"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://api.ipaas.com/", "https://api.ipaas.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://proxy.example/ipaas/", "https://proxy.example/ipaas"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_api_url_is_kept_without_its_last_slash(file: Path, given: str, kept: str) -> None:
    """Paths are joined to it."""
    assert _only(file, _toml(ipaas=_ipaas(api_url=f'"{given}"'))).ipaas.api_url == kept


def test_a_windows_editors_byte_order_mark_is_read_over(file: Path) -> None:
    """Else the first line would be refused for no visible reason."""
    assert _only(file, "\ufeff" + _toml()).system_id == 4021


# Secrets -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["token-2", "token-2\n", "token-2\r\n"])
def test_a_secret_file_is_read_without_its_last_line_break(file: Path, content: str) -> None:
    """Editors add one; its path is relative to the connections file."""
    (file.parent / "token").write_text(content, newline="")
    connection = _only(file, _toml(ipaas=_ipaas('{ file = "token" }')))
    assert token_of(connection) == "token-2"


def test_secrets_are_never_printed(file: Path) -> None:
    """Neither by the connection's own text nor by its JSON."""
    connection = _only(file, _toml())
    printed = f"{connection} {connection!r} {connection.stamped!r}"
    assert not [secret for secret in ENVIRON.values() if secret in printed]


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ('{ env = "NOT_SET" }', "environment variable NOT_SET is not set"),
        ('{ env = "EMPTY" }', "environment variable EMPTY is empty"),
        ('{ file = "empty" }', "file {folder}/empty is empty"),
        ('{ file = "none" }', "there is no file {folder}/none"),
        ('{ file = "." }', "file {folder} is a folder"),
        ('{ file = "bytes" }', "file {folder}/bytes is not UTF-8 text"),
        ('{ envv = "IPAAS_TOKEN" }', "'envv' is not a place for a secret; did you mean env?"),
        ('{ env = "IPAAS_TOKEN", file = "token" }', 'must be text, { env = "NAME" } or { file = "path" }'),
        ("{ env = 1 }", 'must be text, { env = "NAME" } or { file = "path" }'),
        ("12345", 'must be text, { env = "NAME" } or { file = "path" }'),
        ('""', "the secret is empty"),
        ('"two words"', "the secret holds a character that a key never has"),
        ('"key-…"', "the secret holds a character that a key never has"),
        ('"line\\nbreak"', "the secret holds a character that a key never has"),
    ],
)
def test_a_secret_that_is_not_there_is_a_fault_that_says_where(file: Path, secret: str, problem: str) -> None:
    """It names the variable or the path, never the value."""
    (file.parent / "empty").write_text("\n")
    (file.parent / "bytes").write_bytes(b"\xff\xfe")
    file.write_text(_toml(ipaas=_ipaas(secret)), encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load_connections(file, {**ENVIRON, "EMPTY": ""})
    (fault,) = raised.value.faults
    assert fault.key == "connection 1, ipaas.token"
    assert fault.problem.startswith(problem.format(folder=file.parent) if "{folder}" in problem else problem)
    examples = {"NOT_SET": "NOT_SET=… as a line of .env", '"none"': '{ file = "path" }'}
    usual = 'token = { env = "IPAAS_TOKEN" }'
    assert fault.example == next((example for name, example in examples.items() if name in secret), usual)


VARIABLE, WORD = "is a variable such as $NAME, which nothing replaces here", "begins with Bearer or Basic: leave that"
PLACEHOLDER, NAME = "is a placeholder, and no key", "is the name of a variable, and not its value"
REFERENCE, PATH = (
    'is a reference: write it as { env = "NAME" }',
    "is a path, and not what the file holds: write { file =",
)


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        *((text, VARIABLE) for text in ("$IPAAS_TOKEN", "${IPAAS_TOKEN}", "${A:-b c}", "$(cat token)", "%TOKEN%")),
        *((text, VARIABLE) for text in ("{{ token }}", "{token}", "$a")),
        *((text, WORD) for text in ("Bearer x", "bearer eyJ0.eyJ1.x-_", "Basic YTpi", "Bearer", "BEARER: x")),
        *((text, WORD) for text in ("Authorization: Bearer x", "Authorization Basic x")),
        *((text, PLACEHOLDER) for text in ("<token>", "<your key>", "your-token", "YOUR_API_KEY", "my key")),
        *((text, PLACEHOLDER) for text in ("your-stamped-private-key-here", "mysecret", "changeme", "change-me")),
        *((text, PLACEHOLDER) for text in ("REPLACE_ME", "todo", "xxx", "XXXXXXXX", "xxxx-xxxx", "***", "...")),
        *((text, PLACEHOLDER) for text in ("pubkey-xxx", "key-***", "pubkey-...", " <token> ")),
        *((text, NAME) for text in ("IPAAS_TOKEN", "STAMPED_PRIVATE_KEY", "STAMPED_PUBLIC_KEY", "ACME_EU_SECRET")),
        *((text, NAME) for text in ("other_name", "IPAAS_KEY")),
    ],
)
@pytest.mark.parametrize("form", ['"{}"', '{{ env = "HELD" }}', '{{ file = "held" }}'])
def test_mistake_in_the_place_of_a_secret_is_told_as_such(file: Path, form: str, secret: str, problem: str) -> None:
    """Wherever it stands, and without repeating it: it may be a part of a key."""
    (file.parent / "held").write_text(f"{secret}\n", encoding="utf-8")
    file.write_text(_toml(ipaas=_ipaas(form.format(secret))), encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load_connections(file, {**ENVIRON, "HELD": secret, "other_name": "1"})
    (fault,) = raised.value.faults
    assert problem in fault.problem
    assert f"{secret} " not in fault.problem.replace(problem, "")
    assert fault.example == 'token = { env = "IPAAS_TOKEN" }'


@pytest.mark.parametrize(
    ("text", "problem", "example"),
    [
        *(
            (text, "is a reference, and no key", '{ env = "NAME" }')
            for text in (
                *("env:IPAAS_TOKEN", "ENV=A", "environment:A", "env.A", "process.env.A", "os.environ['A']", "env(A)"),
                *("op://vault/a", "ref+vault://a", "vault:a#b", "aws:secretsmanager:a", "arn:aws:a", "secret:a"),
            )
        ),
        *(
            (text, "is a path, and not what the file holds", '{ file = "path" }')
            for text in (
                "/run/secrets/ipaas-token",
                "./secrets/token",
                "~/.token",
                "secrets/token",
                "file:///a",
                "../a",
                "/a",
                "@/run/secrets/a",
                "token.txt",
                "ipaas.key",
                r"C:\\\\secrets\\\\a",
            )
        ),
    ],
)
def test_reference_that_is_written_as_a_text_is_told_with_its_form(
    file: Path, text: str, problem: str, example: str
) -> None:
    """In the file itself; a key that somebody has in a variable or a file may look like that."""
    file.write_text(_toml(ipaas=_ipaas(f'"{text}"')), encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load_connections(file, ENVIRON)
    (fault,) = raised.value.faults
    assert (fault.problem, fault.example) == (f"the secret {problem}", example)
    file.write_text(_toml(ipaas=_ipaas('{ env = "HELD" }')), encoding="utf-8")
    assert load_connections(file, {**ENVIRON, "HELD": text})


@pytest.mark.parametrize(
    "key",
    [
        "pubkey-zNYm4ZCxLbbv52YWgHpJyv6z6v5s1D",
        "key-5x3mK8Yw0q2LrT7p",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "my_Xk3-qTz9R4vB7nLw2hJ8",
        "my-Xk3qTz9R4vB7nLw2hJ8_token1",
        "your_Xk3-qTz9R4vB7nLw2hJ8",
        "MYkeyXk3qTz9",
        "xxx9R4vB7nLw2hJ8",
        "BearerXk3qTz9R4vB7nLw2hJ8",
        "basic-Xk3qTz9R4vB7nLw2hJ8",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "YWJjZA==",
        "a$b",
        "$2b$10$N9qo8uLOickgx2ZMRZoMye",
        "A1_B2_C3",
        "todo9",
        "<Xk3qTz9R",
        "/Xk3qTz9R/vB7nLw2+hJ8=",
        "envXk3qTz9R",
        "file-Xk3qTz9R",
        "Vault9=",
    ],
)
def test_key_that_begins_like_a_mistake_is_taken(file: Path, key: str) -> None:
    """Random letters can be any word: only what is a mistake from end to end is refused."""
    file.write_text(_toml(ipaas=_ipaas(f'"{key}"')), encoding="utf-8")
    (connection,) = load_connections(file, ENVIRON)
    assert token_of(connection) == key


def test_mistake_of_another_key_is_told_too(file: Path) -> None:
    """Both of Stamped.io's, all at once."""
    stamped = LINES["stamped"].replace("pub-1", "pubkey-xxx").replace("private-1", "$STAMPED_PRIVATE_KEY")
    faults = _faults(file, _toml(stamped=stamped))
    assert [fault.key.partition(", ")[2] for fault in faults] == ["stamped.public_key", "stamped.private_key"]


def test_a_wrong_secret_of_dotenv_is_named_with_its_line(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wrote it there finds it."""
    monkeypatch.chdir(file.parent)
    monkeypatch.delenv("IPAAS_TOKEN", raising=False)
    (file.parent / ".env").write_text("A=1\nIPAAS_TOKEN=two words\n")
    file.write_text(_toml(ipaas=_ipaas('{ env = "IPAAS_TOKEN" }')), encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load_connections(file)
    (fault,) = raised.value.faults
    assert fault.problem.startswith("environment variable IPAAS_TOKEN (.env, line 2) holds a character")


def test_the_line_of_a_given_variable_is_not_looked_up(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hands the variables over did not take them from `.env`."""
    monkeypatch.chdir(file.parent)
    (file.parent / ".env").write_text("IPAAS_TOKEN=two words\n")
    file.write_text(_toml(ipaas=_ipaas('{ env = "IPAAS_TOKEN" }')), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="environment variable IPAAS_TOKEN holds a character"):
        load_connections(file, {"IPAAS_TOKEN": "two words"})


def test_dotenv_is_read_once_for_all_connections(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many secrets it holds."""
    monkeypatch.chdir(file.parent)
    monkeypatch.delenv("IPAAS_TOKEN", raising=False)
    (file.parent / ".env").write_text("IPAAS_TOKEN=token-1\n")
    secret = _ipaas('{ env = "IPAAS_TOKEN" }')
    file.write_text("".join(_toml(ipaas=secret, system_id=f"system_id = {each}") for each in range(1, 31)))
    reads: list[Path] = []

    def read(path: Path, *more: Any) -> str:
        reads.append(path)
        return read_text(path, *more)

    monkeypatch.setattr(environment, "read_text", read)
    assert len(load_connections(file)) == 30
    assert reads == [Path(".env")]


def test_no_fault_shows_the_value_of_a_secret(file: Path) -> None:
    """Whatever else is wrong around it."""
    stamped = (
        'stamped = { api_url = "https://u:hunter2@stamped.io", public_key = "hunter2 ", private_key = "hunter2\\t" }'
    )
    faults = _faults(file, _toml(ipaas=_ipaas('{ env = "A", hunter2 = 1 }'), stamped=stamped))
    assert len(faults) == 4
    assert "hunter2" not in "\n".join(map(str, faults))


# Faults --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "key", "problem"),
    [
        ({"system_id": ""}, "system_id", "is missing"),
        ({"system_id": 'system_id = "4021"'}, "system_id", "must be a whole number"),
        ({"system_id": "system_id = true"}, "system_id", "must be a whole number"),
        ({"system_id": "system_id = 0"}, "system_id", "must be above 0"),
        ({"name": 'name = " "'}, "name", "is empty"),
        ({"name": "name = 4021"}, "name", "must be text in quotes"),
        ({"naem": 'naem = "x"'}, "naem", "'naem' is not a known key; did you mean name?"),
        ({"zzz": "zzz = 1"}, "zzz", "'zzz' is not a known key; use one of system_id, name, triggers"),
        (
            {"triggers": 'triggers = ["customer/deleted"]'},
            "triggers",
            "'customer/deleted' is not a trigger; use customer/created or ",
        ),
        ({"triggers": 'triggers = "customer/created"'}, "triggers", "must be a list"),
        (
            {"mapping": 'mapping = "none.toml"'},
            "mapping",
            "there is no file {folder}/none.toml: make it with `stamped-",
        ),
        ({"mapping": "mapping = 1"}, "mapping", "must be the path of a mapping file, in quotes"),
        ({"ipaas": ""}, "ipaas", "is missing"),
        ({"ipaas": 'ipaas = "https://api.ipaas.com"'}, "ipaas", "must be a table"),
        ({"ipaas": 'ipaas = { api_url = "https://api.ipaas.com" }'}, "ipaas.token", "is missing"),
        (
            {"throttle": "throttle = { limits = 5 }"},
            "throttle.limits",
            "'limits' is not a known key; did you mean limit?",
        ),
        (
            {"stamped": LINES["stamped"].replace(" }", ', mapping = "mapping.toml" }')},
            "stamped.mapping",
            "belongs to [[connection]], above its tables",
        ),
        ({"warn_shared": 'warn_shared = "true"'}, "warn_shared", "must be true or false, without quotes"),
        ({"system_id": f"system_id = {10**22}"}, "system_id", "must be at most 9007199254740992"),
        ({"stamped": LINES["stamped"].replace("pub-1", "pub:private")}, "stamped.public_key", "must hold no colon"),
        ({"throttle": "throttle = { limit = 0 }"}, "throttle.limit", "must be above 0"),
        ({"throttle": "throttle = { seconds = 1.5 }"}, "throttle.seconds", "must be a whole number"),
        ({"stamped": LINES["stamped"].replace('"270392"', "270392")}, "stamped.store_hash", "must be text in quotes"),
        ({"stamped": LINES["stamped"].replace("270392", "27/03")}, "stamped.store_hash", "must be letters, digits"),
        ({"stamped": LINES["stamped"].replace("270392", "")}, "stamped.store_hash", "must be letters, digits"),
    ],
)
def test_a_wrong_key_is_a_fault_that_says_what_is_right(
    file: Path, changes: dict[str, str], key: str, problem: str
) -> None:
    """The fault names the file and the key, and says what is wrong."""
    (fault,) = _faults(file, _toml(**changes))
    assert (fault.file, fault.key) == (str(file), f"connection 1, {key}")
    assert fault.problem.startswith(problem.replace("{folder}", str(file.parent)))
    assert fault.example


@pytest.mark.parametrize("example", [each for table in key_examples().values() for each in table.values()])
def test_every_example_of_right_is_toml(example: str) -> None:
    """It can be copied into the file."""
    assert tomli.loads(example)


def test_every_key_has_an_example() -> None:
    """So that each fault can show one; the example file names every key."""
    parts: dict[str, type[BaseModel]] = {
        "": Connection,
        "ipaas": IPaaSEndpoint,
        "ipaas.login": Login,
        "ipaas.throttle": ReadThrottle,
        "stamped": StampedGiven,
        "throttle": Throttle,
    }
    for place, part in parts.items():
        assert key_examples()[place].keys() == part.model_fields.keys()


def test_the_example_file_shows_the_default_throttle() -> None:
    """Whoever copies it changes nothing by that."""
    assert tomli.loads(key_examples()[""]["throttle"])["throttle"] == Throttle().model_dump()


@pytest.mark.parametrize(
    "url",
    [
        "api.ipaas.com",
        "ftp://api.ipaas.com",
        "https://",
        "https://api.ipaas.com?key=1",
        "https://api.ipaas.com/#top",
        "https://api.ipaas.com:port",
        "https://[::1",
        "https://user@api.ipaas.com",
        "https://api.ipaas.com/a b",
        "https://api.ipaas.com\\n",
    ],
)
def test_an_api_url_that_cannot_be_one_is_a_fault(file: Path, url: str) -> None:
    """It must be http or https with a host, and hold no credentials and no query."""
    (fault,) = _faults(file, _toml(ipaas=_ipaas(api_url=f'"{url}"')))
    assert fault.key == "connection 1, ipaas.api_url"
    assert fault.example == 'api_url = "https://api.ipaas.com"'


def test_a_system_id_that_comes_twice_is_a_fault(file: Path) -> None:
    """One connection for each iPaaS.com subscription."""
    (fault,) = _faults(file, _toml() + _toml())
    assert fault.key == "connection 2, system_id"
    assert fault.problem == "4021 is already the system_id of connection 1"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["there is no connection"]),
        ("connection = []", ["there is no connection"]),
        ("[connection]\nsystem_id = 1", ["must be a list of tables, each under [[connection]] in two brackets"]),
        (
            "[[connections]]\nsystem_id = 1",
            ["'connections' is not a known key; did you mean connection?", "there is no connection"],
        ),
        ("connection = [1]", ["must be a list of tables, each under [[connection]] in two brackets"]),
    ],
)
def test_a_file_without_a_connection_is_a_fault(file: Path, text: str, problems: list[str]) -> None:
    """A misspelt heading is named as such."""
    assert [fault.problem for fault in _faults(file, text)] == problems


def test_a_missing_file_says_how_to_make_one(file: Path) -> None:
    """The first thing that a new integrator meets."""
    with pytest.raises(ConfigurationError) as raised:
        load_connections(file, ENVIRON)
    (fault,) = raised.value.faults
    assert fault.problem == "there is no such file"
    assert fault.example == f"stamped-sync connections --example > {file}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[[connection]]\nsystem_id = ", "line 2, column 13"),
        ("a = 1 b = 2", "line 1, column 7"),
        ("[[connection]\n", "line 1, column 13"),
        ('a = "open', "line 1, column 10"),
        ("a = 1\na = 2", "line 2, column 6"),
    ],
)
def test_broken_toml_is_a_fault_with_its_place(file: Path, text: str, place: str) -> None:
    """File, line and column, and what is wrong there."""
    (fault,) = _faults(file, text)
    assert (fault.file, fault.key) == (str(file), place)
    assert fault.problem.startswith("is not valid TOML: ")


def test_a_file_that_is_not_text_is_a_fault(file: Path) -> None:
    """So is one that is a folder."""
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        load_connections(file, ENVIRON)
    with pytest.raises(ConfigurationError, match="is a folder"):
        load_connections(file.parent, ENVIRON)


def test_all_faults_of_the_file_and_its_mappings_are_raised_at_once(file: Path) -> None:
    """One reading is enough; a mapping that two connections share is reported once."""
    (file.parent / "mapping.toml").write_text('[[row]]\ntype = "Field"\nsource = "Mail"\ndestination = "Emial"\n')
    shared = 'mapping = "mapping.toml"'
    text = _toml(ipaas="", mapping=shared) + _toml(system_id="system_id = 7", mapping=shared, throttle="throttle = 1")
    found = [(Path(fault.file).name, fault.key) for fault in _faults(file, text)]
    assert found == [
        ("mapping.toml", "row 1, destination"),
        ("mapping.toml", "row 1, source"),
        ("mapping.toml", "row"),
        ("connections.toml", "connection 1, ipaas"),
        ("connections.toml", "connection 2, throttle"),
    ]


@pytest.mark.parametrize("name", ["", ".", "/dev/zero"])
def test_a_mapping_that_is_no_file_is_a_fault_of_its_connection(file: Path, name: str) -> None:
    """It says which connection names it."""
    (fault,) = _faults(file, _toml(mapping=f'mapping = "{name}"'))
    assert (fault.file, fault.key) == (str(file), "connection 1, mapping")
    assert " is a " in fault.problem


def test_a_mapping_that_is_a_dangling_link_is_told_so(file: Path) -> None:
    """The link is there, so it is not the connection that names a wrong file."""
    (file.parent / "mapping.toml").symlink_to(file.parent / "gone.toml")
    (fault,) = _faults(file, _toml(mapping='mapping = "mapping.toml"'))
    assert fault.problem.startswith(f"{file.parent / 'mapping.toml'} is a link to a file that does not exist")


def test_a_fault_reads_as_one_line(file: Path) -> None:
    """File, key, what is wrong and an example of right."""
    (fault,) = _faults(file, _toml(system_id="system_id = 0"))
    assert str(fault) == f"{file}: connection 1, system_id: must be above 0 (for example: system_id = 4021)"


def test_the_error_reads_as_one_line_for_each_fault(file: Path) -> None:
    """The command line prints it as it is."""
    with pytest.raises(ConfigurationError) as raised:
        _load(file, _toml(system_id="", ipaas=""))
    assert str(raised.value).splitlines() == [str(fault) for fault in raised.value.faults]


@pytest.mark.parametrize(
    "place",
    [
        '{ env = "sk_live_4eC39HqLyjWDarjt" }',
        '{ file = "sk_live_4eC39HqLyjWDarjt" }',
        '{ sk_live_4eC39HqLyjWDarjt = "x" }',
        f'{{ file = "{"sk_live_4eC39HqLyjWDarjt" * 15}" }}',
        '{ env = "SK4LIVE4EC39HQLYJWDARJT" }',
        '"x", sk_live_4eC39HqLyjWDarjt = "x"',
    ],
)
def test_secret_in_the_wrong_place_is_in_no_fault(file: Path, place: str) -> None:
    """Faults reach the log, Redis and the pages."""
    file.write_text(_toml(ipaas=_ipaas(place)))
    with pytest.raises(ConfigurationError) as raised:
        load_connections(file, {})
    assert not {each for each in ("sk_live", "4EC39") if each in str(raised.value)}


def test_fingerprint_is_of_what_is_said_and_not_of_how(file: Path) -> None:
    """Comments, line ends and the last line break of a secret can differ between machines; a secret can not."""
    (file.parent / "token").write_text("token-1\n")
    text = _toml(ipaas=_ipaas('{ file = "token" }'))
    file.write_text(text)
    first = load_connections(file, {}).fingerprint
    (file.parent / "token").write_text("token-1")
    file.write_bytes(f"# mine\r\n{text}".replace("\n", "\r\n").encode())
    assert load_connections(file, {}).fingerprint == first
    (file.parent / "token").write_text("token-2")
    assert load_connections(file, {}).fingerprint != first


def test_secret_that_several_connections_name_is_read_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it is swapped meanwhile, all have the same one, and the next look sees the other."""
    token = file.parent / "token"
    token.write_text("token-1")
    secret = _ipaas('{ file = "token" }')
    file.write_text("".join(_toml(ipaas=secret, system_id=f"system_id = {each}") for each in (1, 2)))
    read = Path.open

    def swap(path: Path, *more: Any, **named: Any) -> Any:
        opened = read(path, *more, **named)
        if path == token:
            token.with_suffix(".new").write_text("token-2")
            token.with_suffix(".new").replace(token)
        return opened

    monkeypatch.setattr(Path, "open", swap)
    files = Files()
    found = load_connections(file, {}, files=files)
    monkeypatch.undo()
    assert {each.ipaas.token and each.ipaas.token.get_secret_value() for each in found} == {"token-1"}
    assert files.have_changed()
