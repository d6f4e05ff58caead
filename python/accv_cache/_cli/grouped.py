"""Commands whose help shows their options in groups, and options that exclude each other."""

from collections.abc import Collection
from typing import Any

import click
from click.core import ParameterSource


class GroupedOption(click.Option):
    """An option with the group that it is shown in."""

    def __init__(self, *arguments: Any, group: str, **keywords: Any) -> None:  # noqa: ANN401
        """Take the title of the group, and all that click takes."""
        super().__init__(*arguments, **keywords)
        self.group = group

    def get_help_extra(self, ctx: click.Context) -> click.types.OptionHelpExtra:
        """What stands in brackets: the default, but no range such as [x>=0]."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


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


def goes_without(option: str, names: Collection[str]) -> None:
    """Refuse the options of these names beside an option that would ignore them."""
    context = click.get_current_context()
    found = [
        each.make_metavar(context) if isinstance(each, click.Argument) else each.opts[-1]
        for each in context.command.params
        if each.name in names
        and context.get_parameter_source(each.name) is ParameterSource.COMMANDLINE
    ]
    if found:
        message = f"{option} goes without {' and '.join(found)}."
        raise click.UsageError(message)
