"""The step before all others: a certificate for the edge, a secret for the replicas, Traefik's files."""
