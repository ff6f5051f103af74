"""The scene branch (Pi3X): encoder, decoder, camera, point and metric heads."""
