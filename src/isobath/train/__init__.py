"""Training: the recipe, the hook points and the one loop that everything is trained with."""
