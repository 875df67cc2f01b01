"""Series: customer journeys that run inside the data warehouse."""
