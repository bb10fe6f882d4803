"""Face identification that takes a second look, and shows why.

    import secondlook
    engine = secondlook.Engine()
    answer = engine.verify("passport.jpg", "camera.jpg")
    print("same person" if answer.same else "different people", answer.score)
    secondlook.write_image("why.png", secondlook.draw_pair(*answer.templates))

A photo is a path, the bytes of a file, or an array [height, width, 3] of uint8: red, green, blue. Threads may share an
Engine, and read a Gallery together. Every refusal is a secondlook.Error. docs/python.md has the rest.
"""
from . import evaluation
from ._core import (CosineBank, Engine, Gallery, Look, Template, attribute, backend, compact_gallery, compare,
                    cosine_top, draw_flow, draw_heats, draw_pair, draw_shares, draw_weights, emd, emd_plan, fetch_model,
                    models, read_image, upgrade_gallery, verify_gallery, version, write_image)
from ._errors import (ArgumentError, CorruptError, Error, ExistsError, FormatError, InternalError, Interrupted,
                      LimitError, LockedError, MismatchError, NoFaceError, NotFoundError, NumericError, OutOfMemory,
                      SeveralFacesError, SystemFailure, UnsupportedError)
from ._records import (Answer, Attribution, Calibration, Candidate, EnrollReport, Entry, Evaluation, Face, GalleryInfo,
                       Interval, Match, ModelInfo, Note, Openset, OpensetPoint, OpensetRates, Quality, Score,
                       Verification, VerifyRates, VerifyResult)

__version__ = version()
