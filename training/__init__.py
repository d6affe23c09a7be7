"""The offline package: corpora to sentence pairs to a trained network to a bundle."""
