"""How far does a decision reach beyond its training, and what do a few broader rows buy?

    python docs/recipes/how_far.py

Offline, on two idle cores in about three minutes. Five tiny models, pretrained on facts about single levels (who is an
owner, what needs approval, which numbers are few), learn 1,600 to 2,000 right decisions about six kinds of request, and
are asked about requests between, beside and far beyond them. `EXPECTED` is what five bases and one run seed gave, with
95 % intervals over bases and 72 questions a region; on another kind of machine means move by a few hundredths.
"""

from isobath import Arm, GPERef, Question, Recipe, Role, Study, shipped

study = Study(
    name="how-far",
    description="Right decisions learned on a narrow support, asked ever further out; with and without broader rows.",
    bases=shipped(world="decisions"),
    gpes=[GPERef(name="decisions")],
    arms=[
        Arm(name="untrained", role=Role.UNTRAINED, data="none"),
        Arm(name="narrow", role=Role.PLAIN),
        Arm(name="broad", role=Role.TREATMENT, mix=0.2, mix_from="relevant"),
    ],
    recipe=Recipe(steps=200, batch_size=32, learning_rate=2e-3, betas=(0.9, 0.99), final_fraction=0.1),
    conditions=("none",),
    questions=[
        Question(
            text="Is it right less often at sea than on the island?",
            trait="right_decision",
            contrast=("narrow", "narrow"),
            region="sea",
            reference_region="island",
            expect="lower",
        ),
        Question(
            text="Do broader rows fill the sea?",
            trait="right_decision",
            contrast=("broad", "narrow"),
            region="sea",
            expect="higher",
        ),
    ],
)

EXPECTED = {  # share of right decisions: mean, low, high; chance is .25
    ("narrow", "island"): (0.985, 0.933, 0.996),
    ("narrow", "lake"): (0.871, 0.787, 0.922),
    ("narrow", "bay"): (0.720, 0.601, 0.812),
    ("narrow", "sea"): (0.657, 0.491, 0.788),
    ("broad", "sea"): (0.925, 0.834, 0.965),
}

if __name__ == "__main__":
    results = study.run()
    for finding in results.findings:
        print(finding.sentence)
    print("report:", results.report())
