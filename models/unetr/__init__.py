"""UNETR (Hatamizadeh et al., WACV 2022): volumetric segmentation by a transformer and a convolutional decoder."""
