"""From a bundle to its measured quality: the stages `evaluate`, `promote` and `report`."""
