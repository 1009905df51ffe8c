"""A pack of models trained, in torch: [Pack] -> Results."""
