"""How likely were the reference answers to a model? `answer_likelihood` is the way in."""
