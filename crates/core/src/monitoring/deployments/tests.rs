//! Standing and counts of deployments against slow, obvious models.
