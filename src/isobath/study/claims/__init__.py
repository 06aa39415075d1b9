"""The claims of "Broadening the training set", each as one study: its design was written down before it was run."""
