"""Compiles the models of the default options, so that an image can carry what PyTensor keeps of it."""

from model_worker.model import Shape
from model_worker.sampling import compile_model

SHAPES = (Shape(autoregressive=True, random=True), Shape(autoregressive=True, random=False))


def main() -> None:
    """Compile each shape; PyTensor keeps the parts in its own directory."""
    for shape in SHAPES:
        compile_model(shape)


if __name__ == "__main__":
    main()
