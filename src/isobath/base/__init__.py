"""What every layer shares: errors, identity, seeding, frozen values and the row. Imports no other layer."""
