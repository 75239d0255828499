"""What Pulumi sees: the components of a customer; they know bus/, never the other way round."""
