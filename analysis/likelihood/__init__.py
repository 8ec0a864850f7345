"""How likely were the reference answers to a model? The entry point is `answer_likelihood`."""
