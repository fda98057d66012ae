"""The command `schema`: the JSON Schema of study.toml."""

from model_worker.commands.report import say


def schema() -> int:
    """Print the JSON Schema of study.toml, for editors."""
    from model_worker.study.schema import schema_of_study

    say(schema_of_study())
    return 0
