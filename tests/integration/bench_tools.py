#!/usr/bin/python3
"""The measuring programs on pictures and score files made here: known answers of bio_eval, and the
whole way from pictures of synthetic fingers to the report and its diagrams."""
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import xml.dom.minidom

BUILD = os.environ["LANED_BUILD"]
SRC = os.environ["SRCDIR"]
BENCH = os.path.join(BUILD, "bench")

# Mated 9 7 5 1, unmated 6 4 3 2: worked out by hand.
CROSSING = ("a_1 a_2 9\na_1 b_1 6\nb_1 b_2 7\nb_1 a_1 4\n"
            "c_1 c_2 5\nc_1 a_1 3\nd_1 d_2 1\nd_1 a_2 2\n")


def run(*args, expect=0, **kw):
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, **kw)
    if done.returncode != expect:
        raise AssertionError("%s: exit %d\n%s%s" % (" ".join(args), done.returncode, done.stdout,
                                                    done.stderr))
    return done.stdout


def tool(name, *args, **kw):
    return run(os.path.join(BENCH, name), *args, **kw)


def contains(text, *parts):
    for part in parts:
        assert part in text, "%r is missing in:\n%s" % (part, text)


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def every_program_has_help():
    for name in ("bio_scores", "bio_eval", "bio_touches", "bio_report", "make_gallery",
                 "bench_search", "bench_kernels"):
        contains(tool(name, "--help"), "usage: " + name)


def evaluator_gives_known_answers(folder):
    scores, det = os.path.join(folder, "x.scores"), os.path.join(folder, "x.csv")
    write(scores, CROSSING)
    out = tool("bio_eval", "--label", "by hand", "--det", det, scores)
    contains(out, "by hand\n", "mated 4 unmated 4  EER 25.00%", "ZeroFMR 50.00%",
             "rank-1 75.00%", "FNMR@FMR=0.01 -")
    with open(det, encoding="ascii") as f:
        points = [[float(v) for v in row.values()] for row in csv.DictReader(f)]
    assert points[0][1:] == [1, 0] and points[-1] == [7, 0, 0.5], points
    # b is of a grade left out: mated 9 5 1, unmated 3 2.
    for image in ("a_1", "a_2", "b_1", "b_2", "c_1", "c_2", "d_1", "d_2"):
        write(os.path.join(folder, image + ".pgm"), "never read\n")
    write(os.path.join(folder, "quality.txt"),
          "".join("%s_%d %d\n" % (f, i, 2 if f == "b" else 4) for f in "abcd" for i in (1, 2)))
    contains(tool("bio_eval", "--images", folder, "--grades", "3-5", scores),
             "mated 3 unmated 2 ")
    tool("bio_eval", os.path.join(folder, "none"), expect=1)
    tool("bio_eval", "--grades", "3-5", scores, expect=2)
    write(scores, "a_1 b_1 nonsense\n")
    tool("bio_eval", scores, expect=1)


def pictures(data, name, fingers, impressions, seed):
    folder = os.path.join(data, name)
    run(os.path.join(BUILD, "synthfinger"), "--fingers", str(fingers), "--impressions",
        str(impressions), "--seed", str(seed), "--out", folder)
    return folder


def whole_way_from_pictures_to_report(folder):
    data, out = os.path.join(folder, "data"), os.path.join(folder, "b")
    os.makedirs(os.path.join(out, "bench"))
    os.makedirs(os.path.join(data, "no-images"))
    pictures(data, "fvc2004_db2b", 4, 5, 1)
    single = pictures(data, "minex", 6, 2, 2)
    for finger in range(6):
        # Two people with two fingers of the right hand each and one of the left.
        subject, position = divmod(finger, 3)
        for i in (1, 2):
            os.rename(os.path.join(single, "%d_%d.pgm" % (finger + 1, i)),
                      os.path.join(single, "%03d%02d_%d.pgm" % (subject, (2, 3, 7)[position], i)))
    write(os.path.join(single, "quality.txt"),
          "".join("%s %d\n" % (name[:-4], 4) for name in sorted(os.listdir(single))))
    for name in ("bio_scores", "bio_eval", "bio_touches", "bio_report"):
        os.symlink(os.path.join(os.path.abspath(BENCH), name), os.path.join(out, "bench", name))
    env = dict(os.environ, B=out, DATA=data, N="100")
    text = run(os.path.join(SRC, "tests", "bench", "bench-bio"), env=env)
    contains(text, "gallery of 100 references; threshold 50.0 dB for FPIR 0.001",
             "| U.are.U 4000: FNMR at FMR 1e-3", "| laned ", "optical sets pooled",
             "cannot be shown", "fvc2004_db2b: 20 images of 512 dpi",
             "minex: 12 images of 500 dpi")
    with open(os.path.join(out, "bench", "touches.figures"), encoding="ascii") as f:
        figures = dict(line.split() for line in f)
    # Two people of two fingers; what is left of five impressions, at most two touches each.
    assert figures["touches.several.not_enrolled.trials"] == "2", figures
    assert 1 <= int(figures["touches.several.identify_one.trials"]) <= 8, figures
    assert figures["touches.single.not_enrolled.trials"] == "2", figures
    assert int(figures["touches.several.stranger_alike.trials"]) <= 20, figures
    with open(os.path.join(out, "bench", "report.md"), encoding="ascii") as f:
        assert f.read() in text
    for name in ("det-fvc2004_db2b", "det-minex", "det-optical", "time"):
        svg = xml.dom.minidom.parse(os.path.join(out, "bench", name + ".svg"))
        assert svg.documentElement.tagName == "svg"
        lines = svg.getElementsByTagName("polyline")
        assert name == "time" or lines, "no curve in " + name
        for line in lines:
            for point in line.getAttribute("points").split():
                x, y = (float(v) for v in point.split(","))
                assert -2000 < x < 2000 and -2000 < y < 2000, point
    contains(run(os.path.join(SRC, "tests", "bench", "bench-bio"),
                 env=dict(env, DATA=os.path.join(data, "no-images"))), "SKIP")


def gallery_is_made_loaded_and_searched(folder):
    gallery, figures = os.path.join(folder, "gallery"), os.path.join(folder, "search.figures")
    os.mkdir(gallery)
    tool("make_gallery", "--pictured", "2", gallery, "100")
    assert sorted(os.listdir(gallery)) == ["gallery.db", "gallery.key"]
    out = tool("bench_search", "--probes", "2", "--mates", "10", "--figures", figures, gallery)
    contains(out, "references loaded in", "2 of 2 found first", "mates lost")
    with open(figures, encoding="ascii") as f:
        found = dict(line.split() for line in f)
    assert float(found["search.200.bytes_per_reference"]) > 0, found
    assert int(found["search.200.loss.trials"]) > 0, found
    assert float(found["search.200.best.median_ms"]) > 0, found


def main():
    folder = tempfile.mkdtemp()
    try:
        every_program_has_help()
        for case in (evaluator_gives_known_answers, whole_way_from_pictures_to_report,
                     gallery_is_made_loaded_and_searched):
            place = os.path.join(folder, case.__name__)
            os.mkdir(place)
            case(place)
            print("ok  %s" % case.__name__)
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
