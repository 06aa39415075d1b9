"""The study: questions, a grid of runs and trait evals as one frozen value; its plan, engines and results."""
