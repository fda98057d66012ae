"""Where replicas' memory comes from."""

from stack import Stack


def test_replicas_allocate_with_what_gives_memory_back(stack: Stack) -> None:
    # The linker only warns of a library that it cannot find, and goes on without it.
    for replica in stack.containers("bokeh"):
        done = replica.exec_run(["sh", "-c", "grep -ls libjemalloc.so /proc/[0-9]*/maps"])
        assert done.output.split(), replica.name
