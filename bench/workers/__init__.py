"""One process for each system that is compared, so that time and memory are its own."""
