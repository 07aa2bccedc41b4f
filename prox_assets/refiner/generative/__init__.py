"""The generative refiner: a causal language model, fine-tuned on completions, that writes programs."""
