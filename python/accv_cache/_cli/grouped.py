"""Commands whose help shows their options in groups."""

from typing import Any

import click


class GroupedOption(click.Option):
    """An option with the group that it is shown in."""

    def __init__(self, *arguments: Any, group: str, **keywords: Any) -> None:  # noqa: ANN401
        """Take the title of the group, and all that click takes."""
        super().__init__(*arguments, **keywords)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help shows a list per group, in the order of its options."""

    def groups(self, context: click.Context) -> dict[str, list[click.Option]]:
        """The options of each group, by its title."""
        groups: dict[str, list[click.Option]] = {}
        for option in self.get_params(context):
            if isinstance(option, click.Option):
                title = option.group if isinstance(option, GroupedOption) else "Help"
                groups.setdefault(title, []).append(option)
        return groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the groups."""
        for title, options in self.groups(ctx).items():
            with formatter.section(title):
                formatter.write_dl(
                    [record for each in options if (record := each.get_help_record(ctx))]
                )
