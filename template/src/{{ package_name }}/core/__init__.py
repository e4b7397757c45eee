"""What several stages share. Stages import from here; nothing here imports a stage."""
