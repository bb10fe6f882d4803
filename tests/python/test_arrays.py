"""secondlook over numpy arrays: what goes in and out without a copy, values by hand and by numpy, and what is refused.
No networks."""
import gc
import os
import signal
import sys
import tempfile
import threading
import time
import unittest
from collections import deque

import numpy as np
import secondlook


def random_maps(count, rows=2, cols=2, channels=4, seed=1):
    return np.random.default_rng(seed).normal(size=(count, rows, cols, channels)).astype(np.float32)


class Templates(unittest.TestCase):
    def setUp(self):
        self.patches = random_maps(1)[0]
        self.template = secondlook.Template(np.array([3, 4], np.float32), self.patches)

    def test_embedding_is_a_view_of_unit_length(self):
        np.testing.assert_allclose(self.template.embedding, [.6, .8], rtol=1e-6)
        first, second = self.template.embedding, self.template.embedding
        self.assertTrue(np.shares_memory(first, second))
        self.assertFalse(first.flags.writeable)

    def test_embedding_outlives_its_template(self):
        embedding = secondlook.Template(np.array([3, 4], np.float32), self.patches).embedding
        gc.collect()
        secondlook.Template(np.array([1, 0], np.float32), self.patches)
        np.testing.assert_allclose(embedding, [.6, .8], rtol=1e-6)

    def test_patches_come_back(self):
        self.assertEqual(self.template.grid, (2, 2, 4))
        np.testing.assert_allclose(self.template.patches(), self.patches, rtol=1e-6)

    def test_arrays_that_do_not_lie_row_after_row(self):
        turned = secondlook.Template(np.array([3, 9, 4, 9], np.float32)[::2], np.asfortranarray(self.patches))
        np.testing.assert_array_equal(turned.embedding, self.template.embedding)
        np.testing.assert_array_equal(turned.patches(), self.template.patches())

    def test_no_crop_no_contributions(self):
        self.assertIsNone(self.template.crop)
        self.assertRaises(secondlook.UnsupportedError, self.template.contributions)

    def test_bytes_and_back(self):
        data = self.template.to_bytes()
        back = secondlook.Template.from_bytes(data)
        np.testing.assert_array_equal(back.embedding, self.template.embedding)
        np.testing.assert_array_equal(back.patches(), self.template.patches())
        self.assertEqual(back.to_bytes(), data)
        self.assertRaises(secondlook.CorruptError, secondlook.Template.from_bytes, data[:-1])
        self.assertRaises(secondlook.CorruptError, secondlook.Template.from_bytes, data[:200] + b"x" + data[201:])
        self.assertRaises(secondlook.FormatError, secondlook.Template.from_bytes, b"")
        self.assertRaises(TypeError, secondlook.Template.from_bytes, "text")

    def test_refused(self):
        one = np.array([3, 4], np.float32)
        for embedding, patches, error in (
                (None, self.patches, TypeError), ("text", self.patches, TypeError), ([3., 4.], self.patches, TypeError),
                (one.astype(np.float64), self.patches, TypeError), (one.astype(">f4"), self.patches, TypeError),
                (one.astype(object), self.patches, (TypeError, ValueError)),
                (one.reshape(1, 2), self.patches, ValueError), (one[:0], self.patches, ValueError),
                (one, self.patches[0], ValueError), (one, self.patches.astype(np.int32), TypeError),
                (one * 0, self.patches, secondlook.Error), (one * np.nan, self.patches, secondlook.NumericError)):
            with self.subTest(embedding=embedding), self.assertRaises(error) as raised:
                secondlook.Template(embedding, patches)
            self.assertTrue(str(raised.exception))

    def test_an_error_has_the_librarys_text_and_kind(self):
        other = secondlook.Template(np.ones(3, np.float32), self.patches)
        with self.assertRaises(secondlook.MismatchError) as raised:
            secondlook.compare(self.template, other)
        self.assertIsInstance(raised.exception, ValueError)
        self.assertGreater(len(str(raised.exception)), 20)


class Compare(unittest.TestCase):
    def setUp(self):
        maps = random_maps(2)
        self.one, self.two = (secondlook.Template(m.reshape(-1)[:4], m) for m in maps)

    def test_stage1_is_the_cosine(self):
        score = secondlook.compare(self.one, self.two, "none")
        self.assertAlmostEqual(score.stage1, float(self.one.embedding @ self.two.embedding), places=5)
        self.assertIsNone(score.stage2)

    def test_options_count(self):
        exact = secondlook.Match("emd", solver="exact", weighting="uniform", patch_compute="f32", alpha=1.0)
        score = secondlook.compare(self.one, self.two, exact)
        plan, *_ = secondlook.emd_plan(self.one.patches(), self.two.patches(), exact)
        units = [t.patches().reshape(4, 4) for t in (self.two, self.one)]
        units = [u / np.linalg.norm(u, axis=1, keepdims=True) for u in units]
        self.assertAlmostEqual(score.score, float((plan * (units[0] @ units[1].T)).sum()), places=5)

    def test_shares_and_rest_are_the_score(self):
        told = secondlook.attribute(self.one, self.two, "emd")
        self.assertAlmostEqual(float(told.shares.sum()) + told.rest, told.score.score, places=5)
        self.assertEqual(told.shares.shape, (2, 2))

    def test_refused(self):
        for match in ("no such look", 7, secondlook.Match("emd", weighting="heavy"), secondlook.Match("emd", k="many"),
                      secondlook.Match("emd", grid=(1,)), secondlook.Match("emd", alpha="half"),
                      secondlook.Match("emd", alpha=float("nan")), secondlook.Match("emd", alpha=1.1),
                      secondlook.Match("h2l", look="name"), secondlook.Match("emd", grid=(0x7fffffff, 9))):
            with self.subTest(match=match), self.assertRaises(Exception) as raised:
                secondlook.compare(self.one, self.two, match)
            self.assertIsInstance(raised.exception, (ValueError, TypeError, AttributeError))
        for pair in ((None, self.two), (self.one, None), (self.one, self.one.embedding)):
            self.assertRaises(TypeError, secondlook.compare, *pair)

    def test_pictures(self):
        flow = secondlook.draw_flow(self.one, self.two, "emd", side=64)
        self.assertEqual((flow.dtype, flow.shape), (np.uint8, (64, 64, 3)))
        self.assertTrue(flow.flags.writeable)  # it is the array's own memory
        self.assertEqual([p.shape for p in secondlook.draw_weights(self.one, self.two, "emd", side=32)],
                         [(32, 32, 3)] * 2)
        self.assertEqual(secondlook.draw_pair(self.one, self.two, "emd", names=("a", "b")).ndim, 3)
        self.assertEqual(secondlook.draw_shares(self.one, self.two, "emd", side=32).shape, (32, 32, 3))
        self.assertRaises(secondlook.ArgumentError, secondlook.draw_flow, self.one, self.two, "none")
        self.assertRaises(secondlook.Error, secondlook.draw_flow, self.one, self.two, "emd", side=10**9)


class Emd(unittest.TestCase):
    def test_by_hand(self):
        """Two cells each; the query's lie crosswise in the other: all of each flows to its like."""
        query = np.array([[[1, 0], [0, 1]]], np.float32)
        crosswise = query[:, ::-1]
        match = secondlook.Match("emd", weighting="uniform", solver="exact", patch_compute="f32")
        self.assertAlmostEqual(float(secondlook.emd(query, crosswise[None], match)[0]), 1, places=5)
        plan, ours, theirs = secondlook.emd_plan(query, crosswise, match)
        np.testing.assert_allclose(plan, [[0, .5], [.5, 0]], atol=1e-5)
        np.testing.assert_allclose([ours, theirs], [[.5, .5]] * 2, atol=1e-5)

    def test_many_are_each_alone(self):
        maps = random_maps(20)
        all_at_once = secondlook.emd(maps[0], maps)
        one_by_one = [secondlook.emd(maps[0], maps[i:i + 1])[0] for i in range(20)]
        np.testing.assert_array_equal(all_at_once, one_by_one)
        np.testing.assert_array_equal(secondlook.emd(maps[0], maps[::2]), all_at_once[::2])

    def test_embeddings_go_beside(self):
        maps, embeddings = random_maps(3), np.random.default_rng(2).normal(size=(3, 4)).astype(np.float32)
        match = secondlook.Match("emd", weighting="cc")
        self.assertRaises(secondlook.Error, secondlook.emd, maps[0], maps, match)
        self.assertEqual(secondlook.emd(maps[0], maps, match, query_embedding=embeddings[0],
                                        embeddings=embeddings).shape, (3,))
        for wrong in (embeddings[:2], embeddings[0], embeddings.astype(np.float64)):
            with self.assertRaises((ValueError, TypeError)):
                secondlook.emd(maps[0], maps, match, query_embedding=embeddings[0], embeddings=wrong)
        with self.assertRaises(ValueError):
            secondlook.emd(maps[0], maps, query_landmarks=np.zeros((5, 2), np.float32))

    def test_refused(self):
        maps = random_maps(3)
        for query, candidates in ((maps, maps), (maps[0], maps[0]), (maps[0], maps[:0]), (None, maps),
                                  (maps[0], maps[:, :1]), (maps[0] * np.nan, maps), (maps[0], maps.astype(np.float16))):
            with self.assertRaises((TypeError, ValueError, secondlook.Error)):
                secondlook.emd(query, candidates)
        self.assertRaises(ValueError, secondlook.emd_plan, maps[0], maps[1], secondlook.Match("emd", grid=(9, 9)))


class Cosine(unittest.TestCase):
    def setUp(self):
        draw = np.random.default_rng(3)
        self.bank, self.queries = (draw.normal(size=(n, 16)).astype(np.float32) for n in (300, 5))

    def test_is_numpys_order(self):
        index, score = secondlook.cosine_top(self.bank, self.queries, 7)
        np.testing.assert_array_equal(index, np.argsort(-(self.queries @ self.bank.T), axis=1)[:, :7])
        np.testing.assert_allclose(score, np.take_along_axis(self.queries @ self.bank.T, index.astype(int), 1),
                                   rtol=1e-5)

    def test_a_prepared_bank_answers_alike(self):
        prepared = secondlook.CosineBank(self.bank)
        for a, b in zip(prepared.top(self.queries, 9), secondlook.cosine_top(self.bank, self.queries, 9)):
            np.testing.assert_array_equal(a, b)

    def test_a_prepared_bank_holds_its_numbers(self):
        kept = secondlook.CosineBank(self.bank.copy())
        gc.collect()
        np.testing.assert_array_equal(kept.top(self.queries, 3)[0],
                                      secondlook.cosine_top(self.bank, self.queries, 3)[0])

    def test_refused(self):
        for k in (0, -1, 301, 2**31 - 1):
            self.assertRaises(ValueError, secondlook.cosine_top, self.bank, self.queries, k)
        self.assertRaises(secondlook.Error, secondlook.cosine_top, self.bank, self.queries[:, :8], 1)
        self.assertRaises(TypeError, secondlook.CosineBank, None)
        self.assertRaises(secondlook.NumericError, secondlook.CosineBank, self.bank * np.nan)


class Pictures(unittest.TestCase):
    def setUp(self):
        self.picture = np.random.default_rng(4).integers(0, 256, (20, 30, 3), np.uint8)

    def test_png_comes_back(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.png")
            secondlook.write_image(path, self.picture[:, ::-1])  # not row after row
            np.testing.assert_array_equal(secondlook.read_image(path), self.picture[:, ::-1])
            with open(path, "rb") as file:
                np.testing.assert_array_equal(secondlook.read_image(file.read()), self.picture[:, ::-1])

    def test_refused(self):
        for photo, error in ((None, TypeError), (7, TypeError), (b"no picture", secondlook.FormatError),
                             (b"", secondlook.Error), ("/nowhere.jpg", secondlook.NotFoundError),
                             ("nul\0.jpg", ValueError), (self.picture.astype(np.float32), TypeError),
                             (self.picture[..., :2], ValueError), (self.picture[:0], ValueError),
                             (self.picture[None], ValueError)):
            with self.subTest(photo=type(photo)), self.assertRaises(error):
                secondlook.read_image(photo)
        self.assertRaises(secondlook.Error, secondlook.write_image, "/nowhere/x.png", self.picture)


class Work(unittest.TestCase):
    """Progress, interruption, threads."""
    blocks = 60

    def setUp(self):
        self.query = random_maps(1)[0]
        self.many = np.broadcast_to(self.query, (4096 * self.blocks, *self.query.shape)).copy()

    def test_progress_is_told_and_may_stop(self):
        told = []
        secondlook.emd(self.query, self.many[:5000], progress=lambda done, total: told.append((done, total)))
        self.assertEqual(told, [(4096, 5000), (5000, 5000)])
        with self.assertRaises(ZeroDivisionError):
            secondlook.emd(self.query, self.many[:5000], progress=lambda done, total: 1 / 0)
        self.assertRaises(TypeError, secondlook.emd, self.query, self.many[:1], progress=3)

    def test_a_signal_ends_work(self):
        """The progress is C, in which Python sees no signal by itself: its calls tell how far the work came."""
        calls = deque()
        old = signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 1e-3)
        try:
            with self.assertRaises(KeyboardInterrupt):
                secondlook.emd(self.query, self.many, progress=calls.insert)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
        self.assertLess(len(calls), self.blocks)

    def test_other_threads_run_meanwhile(self):
        """With no switching but where the lock is given up, a thread counts only if the call gives it up."""
        count, stop = [0], threading.Event()

        def counting():
            while not stop.is_set():
                count[0] += 1
                time.sleep(1e-4)

        old = sys.getswitchinterval()
        thread = threading.Thread(target=counting)
        thread.start()
        try:
            sys.setswitchinterval(1000)
            before = count[0]
            secondlook.emd(self.query, self.many)
            after = count[0]
        finally:
            sys.setswitchinterval(old)
            stop.set()
            thread.join()
        self.assertGreater(after, before)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Leaks(unittest.TestCase):
    def test_nothing_is_left_behind(self):
        maps = random_maps(64, 7, 6, 128)
        wrong = maps.astype(np.float64)
        large = np.zeros((400, 400, 3), np.uint8)

        def all_kinds():
            one, two = (secondlook.Template(m.reshape(-1)[:128], m) for m in maps[:2])
            secondlook.compare(one, two, "emd"), secondlook.attribute(one, two, "emd")
            secondlook.draw_flow(one, two, "emd"), one.embedding, one.patches()
            secondlook.emd(maps[0], maps), secondlook.emd(maps[0], maps[:, ::-1]), secondlook.emd_plan(maps[0], maps[1])
            secondlook.CosineBank(maps.reshape(64, -1)).top(maps.reshape(64, -1)[:3], 4), secondlook.read_image(large)
            for call in (lambda: secondlook.Template(wrong[0, 0, 0], wrong[0]), lambda: secondlook.emd(maps[0], wrong),
                         lambda: secondlook.read_image(b"none"), lambda: secondlook.Gallery("/nowhere")):
                with self.assertRaises(Exception):
                    call()

        for _ in range(200):  # what the interpreter keeps for itself comes to its end
            all_kinds()
        gc.collect()
        blocks, bytes_then = sys.getallocatedblocks(), resident()
        for _ in range(200):
            all_kinds()
        gc.collect()
        self.assertLess(sys.getallocatedblocks() - blocks, 200)
        self.assertLess(resident() - bytes_then, 8 << 20)  # a map that is kept each time would be 270 MB


if __name__ == "__main__":
    unittest.main()
