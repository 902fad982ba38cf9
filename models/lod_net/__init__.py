"""LOD-Net: polyps one by one through Mask R-CNN whose masks are refined where oriented derivatives see the border."""
