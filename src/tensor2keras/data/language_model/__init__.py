"""Language-modelling problems."""
