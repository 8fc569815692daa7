"""Run the commands of a map in processes of their own: shut in, watched, and gone afterwards."""
