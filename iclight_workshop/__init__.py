"""For those who build the extension: training of the small models, benchmarks, and what tests share with them."""
