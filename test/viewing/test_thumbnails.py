import numpy as np

from chromm_ros.viewing.thumbnails import pixels_of, thumbnail


def test_a_thumbnail_shows_the_image_small():
    image = np.zeros((120, 320, 3), np.uint8)
    image[:, :160] = 230, 40, 20
    jpeg = thumbnail(image, 64)
    assert len(jpeg) < 2000
    pixels = pixels_of(jpeg)
    assert pixels.shape == (24, 64, 3)
    np.testing.assert_allclose(pixels[12, 10], (230, 40, 20), atol=12)
    np.testing.assert_allclose(pixels[12, 54], 0, atol=12)
