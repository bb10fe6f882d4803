"""secondlook.Gallery over a gallery of made-up faces (GALLERY_OF_ARRAYS makes it). No networks."""
import gc
import os
import subprocess
import tempfile
import threading
import unittest

import numpy as np
import secondlook

PEOPLE, DIM = 4, 8


def make_gallery(folder):
    """Two faces of each person: an axis of their own, and a little of the next one's."""
    embeddings = np.repeat(np.eye(PEOPLE, DIM, dtype=np.float32), 2, axis=0)
    embeddings[1::2] += .2 * np.roll(embeddings[1::2], 1, axis=1)
    maps = np.random.default_rng(1).normal(size=(2 * PEOPLE, 2 * 2, 6)).astype(np.float32)
    embeddings.tofile(folder + ".e")
    maps.tofile(folder + ".p")
    with open(folder + ".names", "w") as names:
        names.writelines(f"{person}/{i}.jpg\t{person}\n" for person in "abcd"[:PEOPLE] for i in (1, 2))
    subprocess.run([os.environ["GALLERY_OF_ARRAYS"], folder, *(folder + end for end in (".names", ".e", ".p")),
                    str(DIM), "2", "2", "6"], check=True)
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


class Galleries(unittest.TestCase):
    def setUp(self):
        self.room = tempfile.TemporaryDirectory()
        self.addCleanup(self.room.cleanup)
        self.folder = os.path.join(self.room.name, "g")
        self.embeddings = make_gallery(self.folder)

    def test_what_is_in_it(self):
        with secondlook.Gallery(self.folder) as g:
            self.assertEqual((len(g), g.info.labels, g.info.embedding_dim, g.info.grid), (8, 4, DIM, (2, 2, 6)))
            self.assertEqual([(e.index, e.label, e.image) for e in g][2:4], [(2, "b", "b/1.jpg"), (3, "b", "b/2.jpg")])
            self.assertEqual(g.find("c/2.jpg"), 5)
            self.assertEqual(g[5].label, "c")
            np.testing.assert_allclose(g.template(5).embedding, self.embeddings[5], rtol=1e-6)
            self.assertIsNone(g.template(5).crop)
            self.assertRaises(secondlook.NotFoundError, g.crop, 5)

    def test_embeddings_are_the_gallerys_own_memory(self):
        g = secondlook.Gallery(self.folder, "w")
        rows = g.embeddings
        np.testing.assert_allclose(rows, self.embeddings, rtol=1e-6)
        self.assertTrue(np.shares_memory(rows, g.embeddings))
        self.assertFalse(rows.flags.writeable)
        for change in (g.close, lambda: g.remove(label="a"), g.commit):
            self.assertRaises(BufferError, change)
        del rows
        gc.collect()
        self.assertEqual(g.remove(label="a"), 2)
        g.close()

    def test_a_view_keeps_its_gallery(self):
        rows = secondlook.Gallery(self.folder).embeddings
        gc.collect()
        np.testing.assert_allclose(rows, self.embeddings, rtol=1e-6)

    def test_changes_last(self):
        with secondlook.Gallery(self.folder, "w") as g:
            self.assertEqual(g.remove(image="a/1.jpg"), 1)
            self.assertEqual(g.rename("b", "bert"), 2)
            self.assertRaises(secondlook.LockedError, secondlook.Gallery, self.folder, "w")
        with secondlook.Gallery(self.folder) as g:
            self.assertEqual([e.label for e in g], ["a", "c", "c", "d", "d", "bert", "bert"])
        secondlook.compact_gallery(self.folder)
        secondlook.upgrade_gallery(self.folder)
        secondlook.verify_gallery(self.folder)

    def test_added_faces_last_once_committed(self):
        with secondlook.Gallery(self.folder, "w") as g:
            g.add("erna", "erna/1.jpg", g.template(0))
            self.assertRaises(secondlook.ExistsError, g.add, "x", "a/1.jpg", g.template(0))
            self.assertRaises(secondlook.ArgumentError, g.add, "", "y", g.template(0))
            self.assertRaises(TypeError, g.add, "x", "y", None)
            self.assertRaises(TypeError, g.add, "x", None, g.template(0))
        with self.assertRaises(ZeroDivisionError), secondlook.Gallery(self.folder, "w") as g:
            g.add("fritz", "fritz/1.jpg", g.template(0))
            raise ZeroDivisionError
        with secondlook.Gallery(self.folder) as g:
            self.assertEqual([e.label for e in g][-1], "erna")

    def test_damage_is_found(self):
        largest = max((os.path.join(self.folder, f) for f in os.listdir(self.folder)), key=os.path.getsize)
        with open(largest, "r+b") as file:
            file.seek(-40, os.SEEK_END)
            byte = file.read(1)
            file.seek(-40, os.SEEK_END)
            file.write(bytes([byte[0] ^ 255]))
        self.assertRaises(secondlook.Error, secondlook.verify_gallery, self.folder)

    def test_closed(self):
        g = secondlook.Gallery(self.folder, "w")
        t = g.template(0)
        g.close()
        g.close()
        for use in (lambda: len(g), lambda: g[0], lambda: g.info, lambda: g.embeddings, lambda: g.find("a/1.jpg"),
                    lambda: g.template(0), lambda: g.crop(0), lambda: g.add("a", "b", t), g.commit,
                    lambda: g.remove(label="a"), lambda: g.rename("a", "b"), lambda: g.identify(t, threshold=0),
                    lambda: g.identify_all([t], threshold=0), g.calibrate, g.cluster, g.__enter__,
                    lambda: secondlook.evaluation.identify(g, g, ["none"])):
            self.assertRaises(ValueError, use)

    def test_refused(self):
        for args, kind in (((None,), TypeError), (("/nowhere",), secondlook.NotFoundError),
                           ((self.folder, "x"), ValueError), ((self.folder, None), TypeError)):
            with self.assertRaises(kind):
                secondlook.Gallery(*args)
        self.assertRaises(TypeError, secondlook.Gallery, self.folder, engine="mobilefacenet-192")
        self.assertRaises(ValueError, secondlook.Gallery, self.folder, patches="int3")
        g = secondlook.Gallery(self.folder)
        for i in (8, -1, 2**62):
            self.assertRaises(IndexError, g.template, i)
        self.assertRaises(IndexError, lambda: g[8])
        self.assertRaises((IndexError, OverflowError), g.template, 2**70)
        for i in (None, "0", 1.0):
            self.assertRaises(TypeError, g.template, i)
        self.assertRaises(secondlook.NotFoundError, g.find, "nobody")
        self.assertRaises(secondlook.Error, g.remove, label="a")  # opened to be read
        self.assertRaises(ValueError, g.enroll, self.folder)      # without an engine
        self.assertRaises(TypeError, g.identify, "photo.jpg", threshold=0)


class Identify(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.room.cleanup)
        cls.folder = os.path.join(cls.room.name, "g")
        make_gallery(cls.folder)

    def setUp(self):
        self.gallery = secondlook.Gallery(self.folder)

    def test_one(self):
        answer = self.gallery.identify(self.gallery.template(2), match="none", threshold=.5, top=3)
        self.assertTrue(answer.match)
        self.assertEqual((answer.label, len(answer.candidates), answer.rerank), ("b", 3, "none"))
        self.assertAlmostEqual(answer.candidates[0].score, 1, places=5)
        self.assertIsNone(answer.candidates[0].stage2)
        unknown = self.gallery.identify(self.gallery.template(2), match="none", threshold=1.5)
        self.assertEqual((unknown.match, unknown.label), (False, None))

    def test_a_second_look(self):
        answer = self.gallery.identify(self.gallery.template(2), match=secondlook.Match("emd", k=4), threshold=.5)
        self.assertEqual((answer.rerank, answer.pairs), ("emd", 4))
        self.assertIsNotNone(answer.candidates[0].stage2)

    def test_many_are_each_alone(self):
        queries = [self.gallery.template(i % 8) for i in range(150)]
        told = []
        answers = self.gallery.identify_all(queries, match="emd", threshold=.5,
                                            progress=lambda *done: told.append(done))
        self.assertEqual(told, [(64, 150), (128, 150), (150, 150)])
        for query, answer in zip(queries[:8], answers):
            alone = self.gallery.identify(query, match="emd", threshold=.5)
            self.assertEqual([c.score for c in alone.candidates], [c.score for c in answer.candidates])
        self.assertEqual(self.gallery.identify_all([], threshold=.5), [])

    def test_refused(self):
        t = self.gallery.template(0)
        for wrong in ({"threshold": float("nan")}, {"threshold": "high"}, {"threshold": .5, "far": .1},
                      {"top": -1, "threshold": 0}, {"match": "psychic", "threshold": 0},
                      {"threshold": .1, "match": secondlook.Match("emd", k=-4)}):
            with self.subTest(**wrong), self.assertRaises((ValueError, TypeError)):
                self.gallery.identify(t, **wrong)
        self.assertRaises(TypeError, self.gallery.identify, None, threshold=0)
        self.assertRaises(TypeError, self.gallery.identify_all, [t, None], threshold=0)
        other = secondlook.Template(np.ones(3, np.float32), np.ones((2, 2, 6), np.float32))
        self.assertRaises(secondlook.MismatchError, self.gallery.identify, other, threshold=0)

    def test_threads_read_together(self):
        query, found = self.gallery.template(2), []

        def ask():
            for _ in range(20):
                found.append(self.gallery.identify(query, match="emd", threshold=.5).candidates[0].score)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(found), len(set(found))), (80, 1))

    def test_no_change_from_its_own_progress(self):
        g = self.gallery

        def change(*_):
            g.close()

        with self.assertRaises(RuntimeError) as raised:
            g.identify_all([g.template(0)], threshold=.5, progress=change)
        self.assertIn("reads this gallery", str(raised.exception))
        self.assertEqual(len(g), 8)


class Evaluation(unittest.TestCase):
    def setUp(self):
        self.room = tempfile.TemporaryDirectory()
        self.addCleanup(self.room.cleanup)
        self.folder = os.path.join(self.room.name, "g")
        make_gallery(self.folder)
        self.gallery = secondlook.Gallery(self.folder)

    def test_identify(self):
        csv = os.path.join(self.room.name, "lines.csv")
        first, second = secondlook.evaluation.identify(self.gallery, self.gallery,
                                                       ["none", secondlook.Match("emd", alpha=0.)], csv=csv)
        self.assertEqual((first.queries, first.gallery), (8, 8))
        self.assertEqual(first.stage1["p1"].mean, 100)
        self.assertEqual(second.stage2["p1"].mean, 100)  # alpha 0: stage 1's order
        self.assertEqual(first.stage1_cmc.shape, (100,))
        with open(csv) as lines:
            self.assertEqual(len(lines.readlines()), 1 + 2 * 8)

    def test_verify(self):
        pairs = os.path.join(self.room.name, "pairs")
        with open(pairs, "w") as file:
            for i in range(10):
                a, b = "abcd"[i % 4], "abcd"[(i + 2) % 4]
                file.write(f"{a}/1.jpg {a}/2.jpg 1\n{a}/1.jpg {b}/1.jpg 0\n")
        result = secondlook.evaluation.verify(self.gallery, pairs, "none", csv=None)
        self.assertEqual((result.pairs, result.same, result.missing, result.stage1.accuracy), (20, 10, 0, 100))
        self.assertEqual(len(result.stage1.far), len(result.stage1.thresholds))
        self.assertRaises(secondlook.NotFoundError, secondlook.evaluation.verify, self.gallery, "/nowhere")

    def test_openset(self):
        result = secondlook.evaluation.openset(self.gallery, self.gallery, "none")
        self.assertEqual((result.mated, result.nonmated, result.people), (8, 8, 4))
        self.assertEqual(result.stage1.rank1.mean, 100)

    def test_refused(self):
        with self.assertRaises(TypeError):
            secondlook.evaluation.identify(self.gallery, None, ["none"])
        with self.assertRaises(ValueError):
            secondlook.evaluation.identify(self.gallery, self.gallery, ["none"], limit=-1)
        with self.assertRaises(secondlook.Error):
            secondlook.evaluation.identify(self.gallery, self.gallery, [])
        with self.assertRaises(secondlook.ArgumentError):
            self.gallery.calibrate(match="none")  # too few faces
        with self.assertRaises(ZeroDivisionError):
            secondlook.evaluation.openset(self.gallery, self.gallery, "none", progress=lambda *_: 1 / 0)


if __name__ == "__main__":
    unittest.main()
