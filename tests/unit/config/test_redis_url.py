"""The Redis URL: read once, for both clients alike, or refused in words that lead to the right form."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from worker.config.redis_url import RedisUrl, RedisUrlWrong

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://cache", {"host": "cache", "port": 6379, "db": 0, "username": None, "password": None}),
        (" redis://cache:7/2\n", {"host": "cache", "port": 7, "db": 2}),
        ("REDIS://cache/3", {"db": 3}),
        ("redis://cache?db=3", {"db": 3}),
        ("redis://cache/3?db=3", {"db": 3}),
        ("redis://cache/?client_name=sync", {"db": 0, "client_name": "sync"}),
        ("redis://cache?health_check_interval=30", {"health_check_interval": 30}),
        (
            "redis://cache?socket_timeout=2.5&socket_connect_timeout=1",
            {"socket_timeout": 2.5, "socket_connect_timeout": 1.0},
        ),
        ("redis://cache", {"socket_timeout": 10.0, "socket_connect_timeout": 5.0}),
        ("redis://:p%40ss%2Fw%3Ard@cache", {"username": None, "password": "p@ss/w:rd"}),
        ("redis://worker:p%C3%A4ss@cache", {"username": "worker", "password": "päss"}),
        ("redis://worker@cache", {"username": "worker", "password": None}),
        ("redis://:a@b@cache", {"password": "a@b"}),
        ("redis://:100%@cache", {"password": "100%"}),
        ("redis://[::1]:7/1", {"host": "::1", "port": 7, "db": 1}),
        ("redis://my_cache.svc-1.example", {"host": "my_cache.svc-1.example"}),
        ("redis://cache.example.com.", {"host": "cache.example.com."}),
        (f"redis://{'c' * 63}.example.com", {"host": f"{'c' * 63}.example.com"}),
    ],
)
def test_every_part_arrives(text: str, expected: dict[str, Any]) -> None:
    """In the types that a connection of redis-py takes."""
    arguments = RedisUrl.read(text).arguments
    assert {name: arguments[name] for name in expected} == expected


@pytest.mark.parametrize("text", ["redis://cache", "redis://cache?ssl=false", "redis://cache?ssl=0"])
def test_redis_has_no_tls(text: str) -> None:
    """Nothing about certificates reaches a connection without them."""
    assert RedisUrl.read(text).tls == {}


@pytest.mark.parametrize(
    "text",
    [
        "rediss://cache",
        "rediss://cache?ssl=true",
        "redis://cache?ssl=true",
        "redis://cache?ssl=YES",
        "rediss://cache?ssl_cert_reqs=required",
        "rediss://cache?ssl_cert_reqs=CERT_REQUIRED",
        "rediss://cache?ssl_cert_reqs=Required",
    ],
)
def test_tls_is_verified(text: str) -> None:
    """Certificate and host name, unless the URL tells otherwise."""
    url = RedisUrl.read(text)
    assert url.tls == {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    assert url.plain.startswith("rediss://")


@pytest.mark.parametrize(
    ("options", "tls"),
    [
        ("ssl_cert_reqs=none", {"ssl_cert_reqs": "none", "ssl_check_hostname": False}),
        ("ssl_cert_reqs=CERT_NONE", {"ssl_cert_reqs": "none", "ssl_check_hostname": False}),
        ("ssl_cert_reqs=none&ssl_check_hostname=false", {"ssl_cert_reqs": "none", "ssl_check_hostname": False}),
        ("ssl_cert_reqs=optional", {"ssl_cert_reqs": "optional", "ssl_check_hostname": True}),
        ("ssl_check_hostname=false", {"ssl_cert_reqs": "required", "ssl_check_hostname": False}),
    ],
)
def test_tls_is_less_strict_where_the_url_says_so(options: str, tls: dict[str, Any]) -> None:
    """In any case of letters."""
    assert RedisUrl.read(f"rediss://cache?{options}").tls == tls


HOST = "the name or address of one host"
PASSWORD = "percent-encoded"
WRONG = [
    ("", "must be a redis:// or rediss:// URL"),
    ('"redis://cache"', "without quotation marks"),
    ("http://cache", "must be a redis:// or rediss:// URL"),
    ("unix:///run/redis.sock", "must be a redis:// or rediss:// URL"),
    ("sentinel://cache:26379", "must be a redis:// or rediss:// URL"),
    ("valkeys://cache", "write rediss:// for valkeys://"),
    ("redis://", HOST),
    ("redis:///0", HOST),
    ("redis://one,two", HOST),
    ("redis://cache..example.com", HOST),
    ("redis://.example.com", HOST),
    ("redis://.", HOST),
    (f"redis://{'c' * 64}.example.com", HOST),
    ("redis://one:1;redis://two:2", "no host and port"),
    ("redis://cache:port", "no host and port"),
    ("redis://cache:99999", "no host and port"),
    ("redis://cache:0", "a port from 1 to 65535"),
    ("redis://[::1", "no host and port"),
    ("redis://cache/first", "database is a number"),
    ("redis://cache/0/", "must end with the number of the database"),
    ("redis://cache/٣", "database is a number"),
    ("redis://ca che", "must not hold blanks"),
    ("redis://cache\t/0", "must not hold blanks"),
    ("redis://:p%ff@cache", "not UTF-8"),
    ("redis://cache/1?db=2", "names two databases"),
    ("redis://cache?db=1&db=1", "gives the option db twice"),
    ("redis://cache?db=first", "db that must be a whole number"),
    ("redis://cache?db=-1", "db that must be a whole number"),
    ("redis://cache?db=", "db that must be a whole number"),
    ("redis://cache?db", "db that must be a whole number"),
    ("redis://cache?health_check_interval=0", "health_check_interval that must be a whole number from 1 to 3600"),
    ("redis://cache?health_check_interval=30.5", "health_check_interval that must be a whole number"),
    ("redis://cache?socket_timeout=0.1", "socket_timeout that must be a number of seconds from 1 to 300"),
    ("redis://cache?socket_timeout=nan", "socket_timeout that must be a number of seconds"),
    ("redis://cache?client_name=two%20words", "client_name that must be a name"),
    ("redis://cache?socket_timeut=3", "did you mean socket_timeout?"),
    ("redis://cache?decode_responses=true", "use one of db, client_name"),
    ("redis://cache?password=hunter2", "must have password before the host"),
    ("redis://cache?=1", "options of the form name=value"),
    ("redis://cache?ssl=maybe", "ssl that must be true or false"),
    ("rediss://cache?ssl=false", "asks for TLS by rediss:// and against it"),
    ("rediss://cache?ssl_cert_reqs=some", "ssl_cert_reqs that must be required, optional or none"),
    ("redis://cache?ssl_cert_reqs=none", "has the option ssl_cert_reqs without TLS"),
    ("redis://cache?ssl_check_hostname=false", "has the option ssl_check_hostname without TLS"),
    ("rediss://cache?ssl_cert_reqs=none&ssl_check_hostname=true", "does not verify"),
    ("rediss://cache?ssl_ca_certs=/no/such/file", "ssl_ca_certs that names a file that can't be read"),
    ("rediss://cache?ssl_ca_certs=/etc/hostname", "ssl_ca_certs whose file holds no certificate"),
    ("rediss://cache?ssl_certfile=/etc/hostname", "ssl_certfile whose file holds no certificate"),
    ("rediss://cache?ssl_keyfile=/etc/hostname", "ssl_keyfile without ssl_certfile"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_what_can_not_be_used_is_refused_in_words(text: str, words: str) -> None:
    """What is wrong, and an example of right that is right."""
    with pytest.raises(RedisUrlWrong) as raised:
        RedisUrl.read(text)
    assert words in str(raised.value)
    assert RedisUrl.read(raised.value.example.split("?")[0]).host


@pytest.mark.parametrize(
    "text",
    ["redis://:hun/ter2@cache/0", "redis://:1?ter2@cache/0", "redis://cache:1/0#ter2", "redis://u:1/2ter2@cache"],
)
def test_password_that_is_not_percent_encoded_is_refused_unseen(text: str) -> None:
    """Else a part of the password would be read, and shown, as something else."""
    with pytest.raises(RedisUrlWrong, match=PASSWORD) as raised:
        RedisUrl.read(text)
    assert "ter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://cache", "redis://cache:6379/0"),
        ("redis://:hunter2@cache:6379/0", "redis://:***@cache:6379/0"),
        ("rediss://worker:hunter2@cache/1", "rediss://worker:***@cache:6379/1"),
        ("redis://worker:hunter2@home@cache/1", "redis://worker:***@cache:6379/1"),
        ("redis://hunter2@cache/1", "redis://***@cache:6379/1"),
        ("redis://:hunter2@[::1]/1", "redis://:***@[::1]:6379/1"),
        ("rediss://:hunter2@cache?ssl_cert_reqs=CERT_NONE", "rediss://:***@cache:6379/0?ssl_cert_reqs=none"),
        ("redis://cache?socket_timeout=5&db=2", "redis://cache:6379/2?socket_timeout=5"),
    ],
)
def test_it_is_shown_without_its_password(text: str, shown: str) -> None:
    """But with all that says where it leads, and how strictly."""
    url = RedisUrl.read(text)
    assert url.shown == shown
    assert "hunter2" not in repr(url)


@pytest.mark.parametrize(
    "text", ["redis://:p%40ss%2F%3B@cache:7/2", "rediss://wörker:a%3Ab@[::1]", "redis://worker@cache"]
)
def test_plain_url_leads_to_the_same_place(text: str) -> None:
    """The queue's client gets it, and the options beside it."""
    url = RedisUrl.read(text)
    assert RedisUrl.read(url.plain) == url


def test_certificates_are_read_with_the_url(tmp_path: Path) -> None:
    """A certificate with its key beside it or in another file; a key with a password is refused, and not asked for."""
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=worker", "-out", "cert.pem"]
    subprocess.run([*made, "-nodes", "-keyout", "key.pem"], cwd=tmp_path, check=True, capture_output=True)
    locked = ["openssl", "rsa", "-in", "key.pem", "-aes256", "-passout", "pass:x", "-out", "locked.pem"]
    subprocess.run(locked, cwd=tmp_path, check=True, capture_output=True)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    together = tmp_path / "both.pem"
    together.write_text(cert.read_text() + key.read_text())
    assert RedisUrl.read(f"rediss://cache?ssl_ca_certs={cert}&ssl_certfile={cert}&ssl_keyfile={key}").tls == {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_ca_certs": str(cert),
        "ssl_certfile": str(cert),
        "ssl_keyfile": str(key),
    }
    assert RedisUrl.read(f"rediss://cache?ssl_certfile={together}").tls["ssl_certfile"] == str(together)
    with pytest.raises(RedisUrlWrong, match="unencrypted key"):
        RedisUrl.read(f"rediss://cache?ssl_certfile={cert}&ssl_keyfile={tmp_path / 'locked.pem'}")
