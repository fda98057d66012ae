"""Compiles the models of the default options, so that an image can carry what PyTensor keeps of it."""

from model_worker.fit.sampling import compile_model
from model_worker.models.gaussian.pymc_model import Shape

SHAPES = (Shape(autoregressive=True, random=True), Shape(autoregressive=True, random=False))


def main() -> None:
    """Compile each shape; PyTensor keeps the parts in its own directory."""
    for shape in SHAPES:
        compile_model(shape)


if __name__ == "__main__":
    main()
