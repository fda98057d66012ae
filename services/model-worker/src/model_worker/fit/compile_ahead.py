"""Compilation of the default models at image build time, so that the image contains PyTensor's cache."""

from model_worker.fit.sampling import compile_model
from model_worker.models.gaussian.pymc_model import Shape

SHAPES = (Shape(autoregressive=True, random=True), Shape(autoregressive=True, random=False))


def main() -> None:
    """Compile each shape; PyTensor caches the compiled code in its own directory."""
    for shape in SHAPES:
        compile_model(shape)


if __name__ == "__main__":
    main()
