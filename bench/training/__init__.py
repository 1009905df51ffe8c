"""Train a pack of models in torch: [Pack] -> Results."""
