"""secondlook on photos of people: what the command line says of the same ones. Needs the networks and the demo's photos;
BIN and MAKE_PICTURE name the programs."""
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from collections import deque

import numpy as np
import secondlook

MODELS = os.environ.get("SECONDLOOK_MODELS") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "secondlook")
PHOTOS = [os.path.join(MODELS, "demo-photos", f"sample{i}.jpg") for i in range(1, 4)]
NETWORKS = [os.path.join(MODELS, file) for file in ("mobilefacenet-192.tflite", "retinaface-mnet25.onnx")]


def setUpModule():
    """A third as wide and as high: quicker, with the same faces."""
    global engine, photos
    for path, what in [(p, "the networks are not here: make models") for p in NETWORKS] + [
            (p, "the demo's photos are not here: tools/demo-photos") for p in PHOTOS]:
        if not os.path.exists(path):
            raise unittest.SkipTest(what)
    room = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(room.cleanup)
    photos = [os.path.join(room.name, os.path.basename(p)) for p in PHOTOS]
    for large, small in zip(PHOTOS, photos):
        subprocess.run([os.environ["MAKE_PICTURE"], "smaller", "3", large, small], check=True)
    engine = secondlook.Engine(threads=1)


def program(*words):
    """The JSON that the program prints; 4 says that nobody is known."""
    done = subprocess.run([os.environ["BIN"], *words, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=False)
    if done.returncode not in (0, 4):
        raise AssertionError(f"{words}: exit code {done.returncode}")
    return json.loads(done.stdout)


class AsTheProgram(unittest.TestCase):
    def test_verify(self):
        ours, theirs = engine.verify(*photos[:2]), program("verify", *photos[:2])
        self.assertEqual(ours.same, theirs["decision"] == "match")
        for name in ("score", "stage1", "stage2", "threshold"):
            self.assertAlmostEqual(getattr(ours, name), theirs[name], places=4)
        self.assertTrue(engine.verify(photos[0], photos[0]).same)

    def test_detect(self):
        ours, theirs = engine.detect(photos[0]), program("detect", photos[0])
        theirs = theirs["photos"][0]["faces"] if "photos" in theirs else theirs["results"][0]["faces"]
        self.assertEqual(len(ours), len(theirs))
        self.assertEqual((ours[0].points.shape, ours[0].points.dtype), ((5, 2), np.float32))
        self.assertTrue(0 <= ours[0].quality.overall <= 1)

    def test_identify(self):
        with tempfile.TemporaryDirectory() as room:
            folder = os.path.join(room, "g")
            with secondlook.Gallery(folder, "a", engine=engine) as g:
                report = g.enroll([(p, name) for p, name in zip(photos[:2], "ab")], keep_crops=True, threads=2)
                self.assertEqual((report.photos, report.enrolled, report.committed), (2, 2, 2))
                self.assertTrue(all(note.event == "several faces" for note in report.notes))
                self.assertEqual(g.enroll([(photos[0], "a")]).existing, 1)
                ours = g.identify(photos[1])
                np.testing.assert_array_equal(g.template(0).crop, g.crop(0))
            theirs = program("identify", "--gallery", folder, photos[1])
            self.assertIn('"b"', json.dumps(theirs))
            self.assertEqual((ours.match, ours.label), (True, "b"))


class Encoder(unittest.TestCase):
    """The query encoder, which the program searches with where nobody says otherwise."""

    @classmethod
    def setUpClass(cls):
        room = tempfile.TemporaryDirectory()
        cls.addClassCleanup(room.cleanup)
        cls.folder, cls.covered = os.path.join(room.name, "g"), os.path.join(room.name, "covered.png")
        with secondlook.Gallery(cls.folder, "a", engine=engine) as g:
            g.enroll([(p, name) for p, name in zip(photos, "abc")], keep_crops=True, threads=1)
            crop = g.crop(1)
        crop[crop.shape[0] * 6 // 10:] = 90  # nose and mouth are gone
        secondlook.write_image(cls.covered, crop)
        cls.searcher = secondlook.Engine(encoder="auto", threads=1)

    def same(self, ours, theirs):
        theirs = theirs["queries"][0]["faces"][0]
        self.assertEqual(ours.decision, theirs["decision"])
        self.assertAlmostEqual(ours.threshold, theirs["threshold"], places=4)
        self.assertEqual([c.label for c in ours.candidates], [c["label"] for c in theirs["candidates"]])
        for c, expected in zip(ours.candidates, theirs["candidates"]):
            for name in ("score", "stage1", "stage2"):
                self.assertAlmostEqual(getattr(c, name), expected[name], places=4)

    @staticmethod
    def said(answer):
        return answer.threshold, answer.decision, [(c.label, c.score, c.stage1) for c in answer.candidates]

    def test_there_is_one_where_it_is_asked_for(self):
        self.assertIsNone(engine.encoder)
        self.assertIsNone(secondlook.Engine(encoder="none").encoder)
        self.assertEqual(self.searcher.encoder, "mobilefacenet-192-covered")
        self.assertRaises(secondlook.NotFoundError, secondlook.Engine, encoder="no-such-encoder")
        self.assertRaises(secondlook.MismatchError, secondlook.Engine, encoder="mobilefacenet-128-covered")

    def test_identify_is_the_programs(self):
        ask = ("identify", "--gallery", self.folder, "--aligned", self.covered)
        answers = []
        for of, words in ((self.searcher, ()), (engine, ("--encoder", "none"))):
            with secondlook.Gallery(self.folder, engine=of) as g:
                answers.append(g.identify(self.covered, aligned=True))
                self.same(answers[-1], program(*ask, *words))
        self.assertNotAlmostEqual(answers[0].candidates[0].stage1, answers[1].candidates[0].stage1, places=2)

    def test_a_look_by_name_is_the_programs(self):
        with secondlook.Gallery(self.folder, engine=self.searcher) as g:
            named, chosen = (g.identify(self.covered, aligned=True, match=m) for m in ("oae", None))
            self.same(named, program("identify", "--gallery", self.folder, "--aligned", "--rerank", "oae", self.covered))
            self.assertEqual(named.candidates[0].score, chosen.candidates[0].score)
            given = g.identify(self.covered, aligned=True, match=secondlook.Match("oae", alpha=.6))
            self.assertNotAlmostEqual(given.candidates[0].score, named.candidates[0].score, places=3)

    def test_nobody_is_enrolled_among_queries(self):
        with secondlook.Gallery(self.folder, engine=self.searcher) as g, g.as_queries() as asked:
            plain = self.searcher.template(self.covered, aligned=True)
            self.assertRaises(ValueError, asked.add, "x", "x.png", plain)
            self.assertEqual(len(asked), len(g))

    def test_a_template_is_judged_by_who_made_it(self):
        query, plain = (make(self.covered, aligned=True) for make in (self.searcher.query, self.searcher.template))
        self.assertLess(query.embedding @ plain.embedding, .99)
        with secondlook.Gallery(self.folder, engine=self.searcher) as g:
            photo, ours = g.identify(self.covered, aligned=True), g.identify_all([query])[0]
            self.assertEqual(self.said(ours), self.said(photo))
            bare = g.identify(plain)
            self.assertRaises(ValueError, g.identify_all, [query, plain])
        with secondlook.Gallery(self.folder, engine=engine) as g:
            ours = g.identify(self.covered, aligned=True)
            self.assertEqual(self.said(ours), self.said(bare))
            self.assertRaises(ValueError, g.identify, query)  # of an encoder that this engine has not

    def test_without_one_a_query_is_a_template(self):
        query, plain = (make(self.covered, aligned=True) for make in (engine.query, engine.template))
        np.testing.assert_array_equal(query.embedding, plain.embedding)
        self.assertTrue(engine.verify(query, plain).same)

    def test_never_enrolled(self):
        query = self.searcher.query(self.covered, aligned=True)
        with secondlook.Gallery(":memory:", "a", engine=self.searcher) as g:
            self.assertRaises(ValueError, g.add, "a", "a/1.png", query)
            self.assertRaises(ValueError, self.searcher.verify, query, query)
            self.assertEqual(len(g), 0)

    def test_a_gallery_as_queries(self):
        with secondlook.Gallery(":memory:", "a", engine=self.searcher) as g:
            plain = self.searcher.template(self.covered, aligned=True)
            g.add("a", "a/1.png", plain, crop=plain.crop)
            self.assertRaises(ZeroDivisionError, g.as_queries, progress=lambda *_: 1 / 0)
            asked = g.as_queries(threads=1)
            query, kept = self.searcher.query(self.covered, aligned=True), asked.template(0)
            self.assertGreater(kept.embedding @ query.embedding, .99)  # of a crop that was kept as a JPEG
            self.assertLess(kept.embedding @ plain.embedding, .95)
            self.assertEqual(asked[0].image, "a/1.png")
            self.assertRaises(ValueError, g.add, "b", "b/1.png", asked.template(0))
        with secondlook.Gallery(self.folder) as g:
            self.assertRaises(ValueError, g.as_queries)  # no engine

    def test_a_calibration_is_for_what_measured_it(self):
        """All faces are one: whoever is not there is as much like them as can be."""
        def threshold(of):
            return g.identify(of, match="none", fpir=.1).threshold
        query, plain = (make(self.covered, aligned=True) for make in (self.searcher.query, self.searcher.template))
        with (tempfile.TemporaryDirectory() as room,
              secondlook.Gallery(os.path.join(room, "g"), "a", engine=self.searcher) as g):
            for i in range(100):
                g.add(f"person {i}", f"{i}.png", plain, crop=plain.crop)
            before = threshold(query)
            self.assertLess(before, .9)
            g.calibrate(match="none")
            self.assertAlmostEqual(threshold(plain), 1, places=2)
            self.assertEqual(threshold(query), before)
            asked = g.as_queries(threads=1)
            found = secondlook.evaluation.openset(g, asked, "none").stage1
            self.assertLess(found.at[0].threshold, .99)  # queries are not what is enrolled
            g.calibrate(asked, match="none")
            self.assertNotEqual(threshold(query), before)
            self.assertAlmostEqual(threshold(plain), 1, places=2)


class Photos(unittest.TestCase):
    def test_path_bytes_and_array_are_one_photo(self):
        array = secondlook.read_image(photos[0])
        with open(photos[0], "rb") as file:
            ways = [photos[0], os.fsencode(photos[0]).decode(), file.read(), array, np.asfortranarray(array)]
        faces = [engine.detect(way, main=True)[0] for way in ways]
        self.assertEqual(len({f.box for f in faces}), 1)
        pointed = secondlook.Face(box=faces[0].box, points=faces[0].points)  # as a detector of one's own gives it
        np.testing.assert_array_equal(engine.align(array, pointed), engine.template(array).crop)

    def test_a_template_is_that_of_its_crop(self):
        face = engine.detect(photos[0])[0]
        whole, crop = engine.template(photos[0], face), engine.align(photos[0], face)
        np.testing.assert_allclose(engine.template(crop, aligned=True).embedding, whole.embedding, atol=1e-4)
        self.assertEqual(whole.grid, engine.model.grid)
        self.assertEqual(secondlook.draw_flow(whole, whole, "emd", side=64).shape, (64, 64, 3))

    def test_no_face(self):
        nobody = np.full((80, 80, 3), 128, np.uint8)
        self.assertEqual(engine.detect(nobody), [])
        for call in (lambda: engine.template(nobody), lambda: engine.verify(nobody, photos[0])):
            self.assertRaises(secondlook.NoFaceError, call)

    def test_refused(self):
        for wrong in (None, 3, np.zeros((8, 8, 3), np.float32)):
            self.assertRaises(TypeError, engine.detect, wrong)
        face = engine.detect(photos[0], main=True)[0]
        for points, error in ((face.points[:4], ValueError), (face.points * np.nan, ValueError), (None, TypeError),
                              (face.points.astype(float), TypeError)):
            self.assertRaises(error, engine.align, photos[0], secondlook.Face(box=face.box, points=points))
        self.assertRaises(AttributeError, engine.align, photos[0], None)
        self.assertRaises(TypeError, engine.align, photos[0], secondlook.Face(box=(1, 2), points=face.points))
        self.assertRaises(ValueError, engine.template, photos[0], face, aligned=True)
        self.assertRaises(ValueError, engine.verify, photos[0], photos[0], far=.1, threshold=.5)
        self.assertRaises(secondlook.NotFoundError, secondlook.Engine, "no-such-model")
        self.assertRaises(ValueError, secondlook.Engine, precision="f8")
        self.assertRaises(ValueError, secondlook.Engine, points="guessed")

    def test_threads_share_an_engine(self):
        """Each call takes a session of its own: answers are those of one thread alone."""
        alone, found = engine.template(photos[0]).embedding, []
        threads = [threading.Thread(target=lambda: found.append(engine.template(photos[0]).embedding)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(found), 3)
        for embedding in found:
            np.testing.assert_array_equal(embedding, alone)


class Enrolment(unittest.TestCase):
    """Many faces from one photo: crops with a number in a corner, so that each is a picture of its own."""
    count = 300

    @classmethod
    def setUpClass(cls):
        cls.room = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.room.cleanup)
        crop = engine.align(photos[0], engine.detect(photos[0], main=True)[0]).copy()
        cls.crops = []
        for i in range(cls.count):
            crop[0, 0] = i % 256, i // 256, 0
            cls.crops.append((os.path.join(cls.room.name, f"{i}.png"), f"person {i}"))
            secondlook.write_image(cls.crops[-1][0], crop)

    def test_progress_may_stop(self):
        g = secondlook.Gallery(":memory:", "a", engine=engine)

        def stop(done, total):
            self.assertEqual(total, self.count)
            if done >= 20:
                raise ZeroDivisionError

        self.assertRaises(ZeroDivisionError, g.enroll, self.crops, aligned=True, min_quality=-1., progress=stop)
        self.assertTrue(20 <= len(g) < self.count)  # what was acknowledged stays, and the gallery goes on
        self.assertEqual(g.enroll(self.crops[-1:], aligned=True, min_quality=-1.).enrolled, 1)

    def test_ctrl_c_ends_it(self):
        """The progress is C, in which Python sees no signal by itself."""
        calls, g = deque(), secondlook.Gallery(":memory:", "a", engine=engine)
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        main = threading.main_thread().ident

        def press():
            while not calls:
                time.sleep(1e-3)
            signal.pthread_kill(main, signal.SIGINT)

        thread = threading.Thread(target=press)
        thread.start()
        try:
            with self.assertRaises(KeyboardInterrupt):
                g.enroll(self.crops, aligned=True, min_quality=-1., threads=1, progress=calls.insert)
        finally:
            thread.join()
            signal.signal(signal.SIGINT, handler)
        self.assertTrue(0 < len(calls) < self.count)


if __name__ == "__main__":
    unittest.main()
