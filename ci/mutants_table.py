"""Deliberate faults of one line each, and the fast test that notices each of them."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """In `file`, the text `old`, which stands there once, becomes `new`; `test` has to fail."""

    file: str
    old: str
    new: str
    test: str


TESTS, COMMON, MODELS = "tests/", "tests/common/", "tests/models/"

MUTANTS = (
    # engines and layers
    Mutant(
        "zoo/engines/optimisers_mindspore.py",
        "return -math.expm1(step * math.log(beta)) if beta else 1.0",
        "return 1.0",
        TESTS + "test_optimisers_mindspore.py::test_adamw_follows_pytorch_for_fifty_steps",
    ),
    Mutant(
        "zoo/engines/optimisers_mindspore.py",
        'optimiser.step = int(arrays[f"step.{phase}"].item())',
        "optimiser.step = 0",
        TESTS + "test_optimisers_mindspore.py::test_a_saved_state_continues_to_the_bit",
    ),
    Mutant(
        "common/layers/planes_mindspore.py",
        "num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:",
        "num_features: int, eps: float = 1e-3, momentum: float = 0.1) -> None:",
        COMMON + "test_layers_mindspore.py::test_output_and_running_statistics_equal_pytorch",
    ),
    Mutant(
        "zoo/engines/engine.py",
        "return len(shape) > 1 and not name.startswith(",
        "return not name.startswith(",
        TESTS + "test_engine_training.py::test_decay_leaves_biases_norms_positions_and_tokens_alone",
    ),
    Mutant(
        "zoo/engines/engine.py",
        "return 1.0 if name.startswith(head) else recipe.body_factor",
        "return 1.0",
        TESTS + "test_engine_training.py::test_rates_and_body_factor_reach_the_optimiser",
    ),
    Mutant(
        "zoo/engines/engine.py",
        "return min(decay, (1 + updates) / (10 + updates))",
        "return decay",
        TESTS + "test_engine_training.py::test_a_short_run_does_not_ship_the_weights_it_started_from",
    ),
    # losses
    Mutant(
        "common/segmentation/losses_torch.py",
        "return 1 - (2 * (p * t).sum() + SMOOTH)",
        "return 1 - ((p * t).sum() + SMOOTH)",
        COMMON + "test_mask_losses.py::test_soft_dice_of_an_undecided_map_is_that_of_the_formula",
    ),
    Mutant(
        "common/segmentation/losses_mindspore.py",
        "SMOOTH = 1.0",
        "SMOOTH = 0.0",
        COMMON + "test_mask_losses.py::test_class_that_is_absent_and_not_predicted_costs_nothing",
    ),
    Mutant(
        "models/ellipsenet/loss_torch.py",
        "p**2 * (1 - heat_map) ** 4 * (1 - is_peak)",
        "p**2 * (1 - is_peak)",
        MODELS + "test_ellipsenet_loss.py::test_focal_loss_of_one_peak",
    ),
    Mutant(
        "models/ellipsenet/loss_mindspore.py",
        "turn = 2 * (angle - truth)",
        "turn = angle - truth",
        MODELS + "test_ellipsenet_loss.py::test_angle_loss_wraps_around",
    ),
    # targets and decoders
    Mutant(
        "models/ellipsenet/targets.py",
        '"reg": row[1:3] / STRIDE - cell,',
        '"reg": row[1:3] / STRIDE - cell - 0.5,',
        MODELS + "test_ellipsenet.py::test_decode_inverts_encode",
    ),
    Mutant(
        "models/ellipsenet/targets.py",
        "np.stack([index % width, index // width], axis=-1)",
        "np.stack([index // width, index % width], axis=-1)",
        MODELS + "test_ellipsenet.py::test_decode_inverts_encode",
    ),
    Mutant(
        "common/ellipses/geometry.py",
        "    rows[swap, 5] += np.pi / 2\n",
        "    rows[swap, 5] += 0.0\n",
        COMMON + "test_ellipses.py::test_canonical_form_swaps_axes_and_folds_the_angle",
    ),
    # metrics
    Mutant(
        "common/metrics/overlap.py",
        "return _ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn, empty)",
        "return _ratio(2 * c.tp, 2 * c.tp + c.fp, empty)",
        COMMON + "test_metrics_overlap.py::test_scores_by_hand",
    ),
    Mutant(
        "common/metrics/surface.py",
        "max(d.from_prediction.max(), d.from_reference.max())",
        "d.from_prediction.max()",
        COMMON + "test_metrics_surface.py::test_scores_are_symmetric",
    ),
    Mutant(
        "common/metrics/froc.py",
        "return Scan(best[is_hit.any(0)], marks[~is_dropped, 3], len(nodules))",
        "return Scan(best[is_hit.any(0)], marks[~is_hit.any(1), 3], len(nodules))",
        COMMON + "test_metrics_detection.py::test_toy_vector_of_luna16",
    ),
    Mutant(
        "common/metrics/bootstrap.py",
        "    clusters = list(members.values())\n",
        "    clusters = [[row] for row in rows]\n",
        COMMON + "test_metrics_classification.py::test_cases_of_one_patient_widen_the_interval",
    ),
    Mutant(
        "common/boxes.py",
        "union = area(first, offset)[:, None] + area(second, offset) - shared",
        "union = area(first, offset)[:, None] + area(second, offset)",
        COMMON + "test_boxes.py::test_iou_by_hand",
    ),
    # transforms
    Mutant(
        "common/transforms/pictures.py",
        "LUMA = (0.299, 0.587, 0.114)",
        "LUMA = (0.299, 0.587, 0.2)",
        COMMON + "test_transforms.py::test_grey_repeated_and_turned_grey_again_is_unchanged",
    ),
    Mutant(
        "common/transforms/sampling.py",
        "BLUR_FROM = 1.25",
        "BLUR_FROM = 1000.0",
        COMMON + "test_transforms_spatial.py::test_shrinking_smooths_instead_of_aliasing",
    ),
    Mutant(
        "common/transforms/orientation.py",
        "image.size[2 - source] - 1 if sign < 0 else 0",
        "image.size[2 - source] if sign < 0 else 0",
        COMMON + "test_orientation.py::test_every_voxel_keeps_its_place_in_the_world",
    ),
    Mutant(
        "common/segmentation/volumes.py",
        "for old, new in zip(image.spacing_mm, spacing_mm, strict=True)]",
        "for old, new in zip(image.spacing_mm[::-1], spacing_mm, strict=True)]",
        COMMON + "test_volumes.py::test_the_size_of_the_network_s_grid_belongs_to_its_axes",
    ),
    # tiling and views
    Mutant(
        "common/tiling.py",
        "folded = np.mod(index, 2 * size - 2)",
        "folded = np.mod(index, 2 * size)",
        COMMON + "test_tiling.py::test_small_volumes_are_mirrored",
    ),
    Mutant(
        "common/tiling.py",
        "tuple(min(i * step, size - window) for i",
        "tuple(i * step for i",
        COMMON + "test_tiling.py::test_windows_start_where_monai_puts_them",
    ),
    Mutant(
        "common/tta.py",
        "turned = np.flip(array, [lead + axis for axis in self.flipped])",
        "turned = array",
        COMMON + "test_tta.py::test_every_view_is_undone_exactly",
    ),
    # files
    Mutant(
        "common/io/dicom_stack.py",
        'order = [int(i) for i in np.argsort(depths, kind="stable")]',
        "order = list(range(len(planes)))",
        COMMON + "test_io_dicom.py::test_a_series_is_sorted_along_its_normal_and_placed",
    ),
    Mutant(
        "common/io/dicom_stack.py",
        "TO_NIFTI = np.diag([-1.0, -1.0, 1.0, 1.0])",
        "TO_NIFTI = np.diag([1.0, 1.0, 1.0, 1.0])",
        COMMON + "test_io_dicom.py::test_simpleitk_puts_the_series_and_its_mask_in_the_same_place",
    ),
    Mutant(
        "common/io/nrrd.py",
        'dtype.newbyteorder(">" if _is_big_endian(fields, dtype, name) else "<")',
        'dtype.newbyteorder("<")',
        COMMON + "test_io_headers.py::test_a_nrrd_is_read_as_itk_reads_it",
    ),
    # data sets and batches
    Mutant(
        "common/splits.py",
        "    for group in sorted(order, key=lambda name: -sizes[name]):",
        "    for group in sorted(sizes, key=lambda name: -sizes[name]):",
        COMMON + "test_splits.py::test_folds_depend_on_the_seed_and_not_on_the_order",
    ),
    Mutant(
        "common/datasets/hc18.py",
        "ellipses.with_circumference(ellipse, hc_mm / pixel_mm)",
        "ellipses.canonical(ellipse)[0]",
        COMMON + "test_dataset_hc18.py::test_reduced_layout_takes_the_pen_off",
    ),
    # training
    Mutant(
        "zoo/training/loop.py",
        "return recipe.learning_rate * (step + 1) / warmup",
        "return recipe.learning_rate * step / warmup",
        TESTS + "test_training.py::test_schedule_warms_up_then_falls_to_the_final_factor",
    ),
    # predictions and evaluation
    Mutant(
        "zoo/prediction/many.py",
        "with_options(model.algorithm, options or {})",
        "with_options(model.algorithm, {})",
        TESTS + "test_predict.py::test_every_option_reaches_every_image",
    ),
    Mutant(
        "common/files/outputs.py",
        "    _refuse_inputs(path, inputs)\n",
        "",
        COMMON + "test_outputs.py::test_an_input_is_never_replaced_under_any_of_its_names",
    ),
    Mutant(
        "zoo/evaluation.py",
        "bootstrap_draws(cases, algorithm.summarise, groups, rng, weighed=weighed)",
        "bootstrap_draws(cases, algorithm.summarise, list(map(str, range(len(cases)))), rng, weighed=weighed)",
        TESTS + "test_intervals.py::test_an_evaluation_draws_patients",
    ),
    Mutant(
        "common/metrics/class_scores.py",
        "    worth = min(value * (1 - value) / spread, float(cases)) if spread > 0 else float(min(cases, groups))\n",
        "    worth = float(cases)\n",
        COMMON + "test_metrics_class_scores.py::test_images_of_one_patient_say_less_than_as_many_patients",
    ),
    Mutant(
        "zoo/report/subgroups.py",
        "counts[members[name]], summarise, weighed[name])",
        "counts[members[kept[0]]], summarise, weighed[name])",
        TESTS + "test_subgroups.py::test_each_subgroup_draws_its_own_patients",
    ),
    Mutant(
        "zoo/comparison.py",
        'groups = [str(row["group"] or row["name"]) for row in first]',
        'groups = [str(row["name"]) for row in first]',
        TESTS + "test_intervals.py::test_a_comparison_draws_patients",
    ),
    Mutant(
        "common/scope.py",
        "feature, margin = FEATURES[name], share * (highest - lowest)",
        "feature, margin = FEATURES[name], 1e9",
        COMMON + "test_scope.py::test_each_way_of_being_unlike_is_named",
    ),
    Mutant(
        "zoo/prediction/scope.py",
        "if axes == 2 and self.dimensions == 3:",
        "if axes == 2 and self.dimensions == 4:",
        TESTS + "test_scope.py::test_every_entry_refuses_other_dimensions_than_its_own",
    ),
    # registry and weights
    Mutant(
        "common/weights/__init__.py",
        "    if np.isnan(value).any():",
        "    if False:",
        COMMON + "test_weight_files.py::test_what_cannot_be_a_weight_is_refused_by_the_name_of_its_tensor",
    ),
    Mutant(
        "zoo/registry/plugins.py",
        "for spelling in spellings(entry) if spelling in taken), None)",
        "for spelling in spellings(entry) if spelling is None), None)",
        TESTS + "test_plugins.py::test_a_name_of_the_zoo_cannot_be_taken",
    ),
    Mutant(
        "zoo/registry/entries.py",
        'return re.sub(r"[\\s_-]+", "", name).casefold()',
        'return re.sub(r"[\\s_-]+", "", name)',
        TESTS + "test_registry_names.py::test_a_name_is_found_however_it_is_spelt",
    ),
    Mutant(
        "zoo/registry/entries.py",
        "if self.checkpoints and len(defaults) != 1:",
        "if self.checkpoints and not defaults:",
        TESTS + "test_registry.py::test_two_defaults_are_refused",
    ),
)
