"""bertlab: see inside BERT."""
