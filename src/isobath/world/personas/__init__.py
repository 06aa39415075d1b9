"""The personas world: assistants of six characters give advice about things in twelve domains."""
