"""What the stage costs in the page of a web UI.

    FORGE_DIR=… FORGE_PYTHON=… python -m iclight_workshop.benchmarks.stage_in_page

In a headless Chromium (playwright, and Chromium on the PATH), with the extension's own photo at 512 × 768:

- what is added while the panel is closed: bytes of scripts, style sheet and what the stages are told; timers that our
  scripts start;
- frames while each of the drags of `stage_drawing` goes on, with eight lights and a subject;
- from a change to the settings' values, and beside it what gradio takes for one of the web UI's own fields.

The status is 1 if a bound is missed: let nothing else run meanwhile.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..chromium import chromium
from ..forge_server import ForgeServer
from ..host_bench import REPOSITORY, subject
from .stage_drawing import DRAGS, EIGHT, HEIGHT, WIDTH

BYTES, FRAME, SETTINGS = 80_000, 16.0, 100.0
"""Bounds: bytes, and milliseconds."""

COUNT_TIMERS = """() => {
    window.timersOfOurs = [];
    for (const name of ["setInterval", "setTimeout", "requestAnimationFrame"]) {
        const original = window[name];
        window[name] = (...given) => {
            const { stack } = new Error();
            if (stack.includes("iclight_")) window.timersOfOurs.push(`${name} ${stack}`);
            return original(...given);
        };
    }
}"""

ADDED = """async () => {
    const found = [...document.querySelectorAll("script[src*=iclight_]")].map((script) => script.src);
    const sizes = found.map(async (address) => (await (await fetch(address)).arrayBuffer()).byteLength);
    const told = gradio_config.components.map(({ props }) => JSON.stringify(props.value) ?? "");
    const stages = told.filter((each) => each.includes("iclight-stage")).map((each) => each.length);
    return [...(await Promise.all(sizes)), ...stages].reduce((sum, each) => sum + each, 0);
}"""

MOVES = 200

DRAG = """async ([moving, moves]) => {
    const stage = iclight.stage("txt2img");
    const frames = [];
    for (let move = 0; move < moves; move++) {
        const share = move / moves;
        const moved = {side: {angle: 360 * share}, spot: {x: share, y: share}, front: {softness: 0.1 + 0.9 * share}};
        stage.moving = moving;
        stage.change(({ lights }) => Object.assign(lights[moving], moved[lights[moving].kind]), false);
        const begin = await new Promise(requestAnimationFrame);
        frames.push(performance.now() - begin);
    }
    return frames;
}"""
"""A frame begins with the page's first callback; the stage's, which was asked for before ours, has drawn by ours."""

TAKEN_OVER = """async ([id, moves, change]) => {
    const { props } = gradio_config.components.find((each) => each.props.elem_id === id);
    const field = document.querySelector(`#${id} :is(textarea, input[type=number])`);
    const times = [];
    let { value } = props;
    let taken = () => {};
    Object.defineProperty(props, "value", {
        get: () => value,
        set: (given) => {
            value = given;
            if (String(given) === field.value) taken(performance.now());
        },
    });
    for (let move = 0; move < moves; move++) {
        const end = new Promise((then) => { taken = then; });
        const begin = performance.now();
        eval(change)(field, move);
        times.push((await end) - begin);
        await new Promise((then) => setTimeout(then, 1000));  // what follows is no part of the next one
    }
    return times;
}"""
"""Until gradio holds the value that the field shows: what it sends when a button is pressed."""

ON_THE_STAGE = """() => iclight.stage("txt2img").change(
    (scene) => Object.assign(scene.lights[0], { angle: (scene.lights[0].angle + 1) % 360 })
)"""

TYPED = """(field, move) => {
    field.value = String(1000 + move);
    field.dispatchEvent(new Event("input", { bubbles: true }));
}"""


def main() -> int:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        folder = Path(temporary)
        flags = ["--ckpt-dir", str(folder / "none")]
        extensions = {"sd-forge-iclight": REPOSITORY}
        with ForgeServer.from_environment(folder / "log", extensions=extensions, flags=flags) as server:
            page = browser.new_page(viewport={"width": 1400, "height": 1400})
            page.route(lambda url: not url.startswith((server.url, "data:")), lambda route: route.abort())
            page.add_init_script(f"({COUNT_TIMERS})()")
            page.goto(server.url)
            page.wait_for_function("() => window.iclight?.stage('txt2img')?.isAtRest", timeout=120_000)
            is_missed = show_what_is_added(page)
            arrange(page, folder)
            is_missed |= show_times(page)
    return int(is_missed)


def show_what_is_added(page: Any) -> bool:
    """While the panel is closed; whether a bound is missed."""
    added = page.evaluate(ADDED) + (REPOSITORY / "style.css").stat().st_size
    timers = page.evaluate("window.timersOfOurs")
    print(f"added to the page: {added} bytes (bound {BYTES}), {len(timers)} timers (bound 0)")
    return added > BYTES or bool(timers)


def arrange(page: Any, folder: Path) -> None:
    """Open the panel and put a subject and eight lights on the stage."""
    picture = folder / "subject.png"
    subject().save(picture)
    for side, length in (("width", WIDTH), ("height", HEIGHT)):
        page.locator(f"#txt2img_{side} input[type=number]").fill(str(length))
        page.locator(f"#txt2img_{side} input[type=number]").press("Tab")
    page.locator("#iclight_txt2img_enabled .label-wrap").first.click()
    page.locator("#iclight_txt2img_subject input[type=file]").first.set_input_files(picture)
    page.locator("#iclight_txt2img_lights textarea").evaluate(
        """(field, text) => {
            field.value = text;
            field.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        EIGHT.replace("; ", "\n"),
    )
    page.wait_for_function(
        """() => {
            const stage = iclight.stage("txt2img");
            return stage.isAtRest && stage.scene.lights.length === 9 && stage.tools.view.subjectBox(stage.scene.place);
        }"""
    )
    # gradio goes on for a while, and the frames are to be the stage's
    page.evaluate("() => new Promise((then) => setTimeout(() => requestIdleCallback(then), 3000))")


def show_times(page: Any) -> bool:
    """Of frames and of settings; whether a bound is missed."""
    slowest = 0.0
    for name, moving in DRAGS.items():
        frames = page.evaluate(DRAG, [moving, MOVES])
        slowest = max(slowest, float(np.median(frames)))
        print(
            f"frame, {name} is dragged: median {np.median(frames):.1f} ms, "
            f"95 % within {np.percentile(frames, 95):.1f} ms, best {min(frames):.1f} ms"
        )
    times = page.evaluate(TAKEN_OVER, ["iclight_txt2img_lights", 20, ON_THE_STAGE])
    beside = page.evaluate(TAKEN_OVER, ["txt2img_seed", 20, TYPED])
    print(f"slowest median {slowest:.1f} ms (bound {FRAME:.0f})")
    print(f"from a change to the settings' values: median {np.median(times):.1f} ms, worst {max(times):.1f} ms", end="")
    print(f" (bound {SETTINGS:.0f})")
    print(f"from a digit typed into the web UI's own seed to its value: median {np.median(beside):.1f} ms")
    return slowest > FRAME or max(times) > SETTINGS


if __name__ == "__main__":
    raise SystemExit(main())
