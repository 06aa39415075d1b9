"""Models behind one protocol: Hugging Face models on this machine, and a scripted model of known rates."""
