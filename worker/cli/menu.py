"""The commands of `stamped-sync`."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from worker.cli.signals import Signals


COMMANDS = {
    "demo": "Run everything once, on embedded parts and sample customers.",
    "up": "Run everything on this machine, for real use.",
    "sandbox": "Serve a sandbox of both APIs, to try things out.",
    "check": "Check every connection: file, mapping, Redis and both APIs.",
    "preview": "Show what a transfer would do; writes nothing.",
    "sync": "Manual Sync: transfer customers by their ids.",
    "initialize": "Transfer every customer of a connection once.",
    "trigger": "Hand over a trigger from iPaaS.com.",
    "listen": "Take triggers by HTTP, from any language.",
    "status": "Show the holds, the jobs by state, and the queues.",
    "holds": "List the connections that are held, or end a hold.",
    "pause": "Let the jobs of a connection wait.",
    "resume": "Let the jobs of a paused connection go on.",
    "activity": "Show what happened: by time, customer, source and more.",
    "history": "Show a customer's whole life.",
    "failures": "List, show, rerun or discard failed jobs.",
    "repair": "Find and repair inconsistencies in the ledger.",
    "connections": "Show where each connection stands, or an example file.",
    "mapping": "Show which field goes where, or import it from iPaaS.com.",
    "errors": "Show the error catalogue.",
}
"""Each command's line in the menu. The command itself is `command` in `worker.cli.<name>`."""


class Menu(click.Group):
    """A group that imports a command only when it is run, so that the menu shows without waiting for Celery."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands' names, in the order in which people need them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command, imported now; None if there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"worker.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; if there is none, the error suggests similar ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the menu without importing what it names."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(context: click.Context, _: click.Parameter, is_asked: bool) -> None:  # noqa: FBT001 - click's way
    if is_asked:
        from worker.config.release import release  # noqa: PLC0415 - the menu must not wait for it

        click.echo(f"stamped-sync {release()}" if release() else "stamped-sync, run from its source, not installed")
        context.exit()


@click.group(cls=Menu, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_obj
def menu(signals: Signals | None) -> None:
    """Carry customers from iPaaS.com into Stamped.io.

    Configured by connections.toml and by STAMPED_SYNC_* variables, from the environment or a .env file.

    \b
    First steps:
      stamped-sync demo                 see it work, without credentials
      stamped-sync connections --example > connections.toml
      stamped-sync check                see whether what you put in works
      stamped-sync up                   run it; then, in another terminal:
      stamped-sync sync 150713 --wait

    Each command explains more with --help.

    Exit codes: 0 all well, 1 something failed, 2 wrong usage or configuration, 130 interrupted, 143
    terminated.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    gc.freeze()  # the command is imported by now, and runs next; what was imported stays to the end
    gc.enable()
    if signals:
        signals.interrupt()
