"""The output folder: who may write what. Nothing is believed unchecked."""
