"""`accv-cache completion`: the script that completes commands, options and paths."""

import click
from click.shell_completion import get_completion_class

from accv_cache._cli.front import COMMANDS, COMPLETION_VARIABLE


@click.command(
    "completion",
    help=f"""{COMMANDS["completion"]}

For bash, add to ~/.bashrc: eval "$(accv-cache completion bash)". For zsh likewise, to ~/.zshrc,
after compinit. For fish, write it to ~/.config/fish/completions/accv-cache.fish.
""",
    epilog="""\b
Examples:
  accv-cache completion bash > accv-cache.bash
""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Run the command."""
    root = context.find_root()
    complete = get_completion_class(shell)
    assert complete is not None  # noqa: S101 - click has all three
    # `source` would also run bash, to warn of versions before 4.4.
    script = complete(root.command, {}, str(root.info_name), COMPLETION_VARIABLE)
    click.echo(script.source_template % script.source_vars())
