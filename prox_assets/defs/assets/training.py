"""The second half of teaching: the dataset, and a refiner for each of the two stages."""
