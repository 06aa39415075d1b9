"""Scenarios whose levels somebody has written down: training rows and questions with their point in a factor space."""
