"""The people of a session, from the first observation to the last.

An identity is TENTATIVE until it was observed often enough, TRACKED while it is observed, PREDICTED while it is not,
and LOST once, when it was not observed for too long. A lost identity is remembered for a while and gets its id back
when it is recognised; an id is never given to anybody else within a session.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from chromm_ros.capture.identity.duplicates import Duplicates
from chromm_ros.capture.identity.image_labels import ImageLabels
from chromm_ros.capture.identity.linking import Candidates, Observed, count_votes, link, pair_token_distance
from chromm_ros.capture.identity.motion_filter import Motion, begin, correct, predict, predict_head
from chromm_ros.capture.identity.person import Identity, TrackState
from chromm_ros.capture.settings import IdentitySettings
from chromm_ros.capture.window.window_people import WindowPeople
from chromm_ros.flow import HumanState
from chromm_ros.geometry.similarity import Similarity

SHAPE_MEMORY = 30
"""Observations over which the mean shape runs."""

TOKEN_MEMORY = 10
"""Observations over which the mean head token runs."""

HIT, MISS_TIME = 0.5, 2.0
"""Existence probability: every step moves it half way to the evidence; without one it decays with this time [s]."""

ALONE, AGREEMENT = 1.7, 3.0
"""Logarithms of the odds that one image gives for somebody it sees, or against somebody it should see but does not,
and that each further image adds which agrees about the place: furniture may look like a person from one side."""

NOT_POSED = np.zeros(0)
"""Stands for joints until a batch of people is posed."""

BodyJoints = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""betas (K, 10) and pose (K, 52, 3, 3) to canonical joints (K, 55, 3) and joint rotations (K, 55, 3, 3)."""


class Identities:
    """Owner of all identities of one session."""

    def __init__(self, settings: IdentitySettings, body_joints: BodyJoints):
        self.settings = settings
        self.live: dict[int, Identity] = {}
        self.labels = ImageLabels()
        self.messages: list[str] = []
        """Merges and splits since the last update."""
        self._body_joints = body_joints
        self._memory: dict[int, Identity] = {}
        self._next_id = 1
        self._duplicates = Duplicates()
        self._token_unit = 0.0

    def update(self, window: WindowPeople) -> None:
        """Take in the newest step of a window. ``live`` then holds everybody, those just lost included."""
        self.messages = []
        self._learn_token_unit(window)
        self._forget(window.stamps[-1])
        ids, votes = self._link(window)
        self._observe(window, ids)
        self.labels.write(window, ids)
        self._age(window.stamps[-1])
        for pair in self._duplicates.update(window, self.live, ids, votes, self.settings):
            if all(identity in self.live for identity in pair):
                self._merge_duplicate(*pair)

    def keep(self) -> None:
        """After the snapshot was made: what it announced once is over."""
        for identity in list(self.live.values()):
            identity.absorbed = []
            if identity.state is HumanState.LOST:
                del self.live[identity.id]
                if identity.trusted and identity.hits >= self.settings.min_hits:
                    self._memory[identity.id] = identity

    def merge(self, keep: int, absorb: Iterable[int]) -> None:
        """Make several identities one.

        Raises:
            ValueError: an id is not alive, or absorbs itself.
        """
        absorb = list(dict.fromkeys(absorb))
        unknown = [identity for identity in (keep, *absorb) if identity not in self.live]
        if unknown or keep in absorb or not absorb:
            alive = ', '.join(str(identity) for identity in sorted(self.live)) or 'nobody'
            raise ValueError(
                f'cannot merge {absorb} into {keep}: name one person to keep and others to absorb among the people '
                f'that are there now ({alive})'
            )
        for identity in absorb:
            self._absorb(keep, identity)

    def move(self, change: Similarity) -> None:
        """Express everybody in the frame that ``change`` maps the world to."""
        for identity in (*self.live.values(), *self._memory.values()):
            identity.newest = dataclasses.replace(identity.newest, motion=_moved(identity.newest.motion, change))

    # -- linking ------------------------------------------------------------------------------------------------

    def _link(self, window: WindowPeople) -> tuple[dict[int, int], dict[int, dict[int, float]]]:
        """Ids of the people of the newest step.

        Returns:
            person -> id; person -> id -> share of the votes.
        """
        people = window.people
        present = np.flatnonzero(people.valid[-1])
        known = [*self.live.values(), *self._memory.values()]
        ids = [identity.id for identity in known]
        labels = self.labels.known(window)
        votes = count_votes(people.identity, labels, ids, people.valid.shape[1])[present]
        observed = Observed(people.head[-1, present], people.betas[-1, present], _tokens(window, present), votes)
        candidates = _candidates(known, window.stamps[-1], self.settings)
        links = link(observed, candidates, self._token_unit, self.settings)
        result: dict[int, int] = {}
        for row, person in enumerate(present):
            result[int(person)] = ids[links[row]] if links[row] >= 0 else self._new_id(row, ids, votes)
        shares = votes / np.maximum(votes.sum(1, keepdims=True), 1)
        by_person = {
            int(person): {ids[column]: float(shares[row, column]) for column in np.flatnonzero(shares[row])}
            for row, person in enumerate(present)
        }
        return result, by_person

    def _new_id(self, row: int, ids: Sequence[int], votes: np.ndarray) -> int:
        identity, self._next_id = self._next_id, self._next_id + 1
        if votes[row].any():
            former = ids[int(votes[row].argmax())]
            self.messages.append(f'Person {former} was split: {identity} is new.')
        return identity

    def _learn_token_unit(self, window: WindowPeople) -> None:
        distance = pair_token_distance(window.view_people.token[:, -1], window.view_people.valid[:, -1])
        if distance is not None:
            self._token_unit += (distance - self._token_unit) * (0.1 if self._token_unit else 1.0)

    # -- observing ----------------------------------------------------------------------------------------------

    def _observe(self, window: WindowPeople, ids: dict[int, int]) -> None:
        """Filter everybody who was seen, then pose them in one batch."""
        for identity in self.live.values():
            identity.seen_now = False
        if not ids:
            return
        tokens = _tokens(window, np.array(list(ids)))
        seen = [self._sight(number, window, person, token) for (person, number), token in zip(ids.items(), tokens)]
        betas = np.stack([identity.betas for identity in seen])
        poses = np.stack([identity.newest.pose for identity in seen])
        for identity, joints, rotations in zip(seen, *self._body_joints(betas, poses)):
            identity.newest = dataclasses.replace(identity.newest, canonical_joints=joints, joint_rotations=rotations)

    def _sight(self, number: int, window: WindowPeople, person: int, token: np.ndarray) -> Identity:
        people, stamp = window.people, window.stamps[-1]
        head, covariance = people.head[-1, person], people.head_covariance[-1, person]
        rotation, betas, pose = people.root_rotation[-1, person], people.betas[-1, person], people.pose[-1, person]
        identity = self._revive(number)
        if identity is None:
            motion = begin(stamp, head, covariance, rotation, self.settings)
            sighting = TrackState(stamp, person, motion, pose, NOT_POSED, NOT_POSED)
            identity = self.live[number] = Identity(number, sighting, betas, token, stamp)
            return identity
        predicted = predict(identity.newest.motion, stamp, self.settings)
        motion = correct(predicted, head, covariance, rotation, self.settings)
        identity.newest = TrackState(stamp, person, motion, pose, NOT_POSED, NOT_POSED)
        identity.seen_now = True
        identity.hits += 1
        identity.betas = identity.betas + (betas - identity.betas) / min(identity.hits, SHAPE_MEMORY)
        identity.token = identity.token + (token - identity.token) / min(identity.hits, TOKEN_MEMORY)
        return identity

    def _revive(self, identity_id: int) -> Identity | None:
        """The identity, taken back from memory if it was lost."""
        identity = self.live.get(identity_id)
        if identity is None and identity_id in self._memory:
            identity = self.live[identity_id] = self._memory.pop(identity_id)
            identity.confidence = HIT
        return identity

    # -- life and death -----------------------------------------------------------------------------------------

    def _age(self, stamp: int) -> None:
        for identity in self.live.values():
            away = (stamp - identity.last_observed) * 1e-9
            confirmed = identity.hits >= self.settings.min_hits
            if away <= 0:
                identity.state = HumanState.TRACKED if confirmed else HumanState.TENTATIVE
                continue
            limit = self.settings.timeout if confirmed else self.settings.tentative_timeout
            if away > limit:
                identity.state = HumanState.LOST
            else:
                identity.state = HumanState.PREDICTED if confirmed else HumanState.TENTATIVE

    def weigh(self, identity: Identity, seen: int, missing: int) -> None:
        """Move the belief in a person half way to what the images of one time say about it.

        Args:
            seen: images with a detection of the person.
            missing: images that show where it should be, but not it.
        """
        odds = ALONE + AGREEMENT * (seen - 1) - ALONE * missing
        identity.confidence += HIT * (1 / (1 + math.exp(-odds)) - identity.confidence)
        identity.trusted |= identity.confidence >= self.settings.min_confidence

    def existence(self, identity: Identity, stamp: int) -> float:
        """Probability in [0, 1] that the person is still there at ``stamp``."""
        away = max(0.0, (stamp - identity.last_observed) * 1e-9)
        return identity.confidence * math.exp(-away / MISS_TIME)

    def _forget(self, stamp: int) -> None:
        limit = stamp - int(self.settings.memory * 1e9)
        kept = [identity for identity in self._memory.values() if identity.last_observed >= limit]
        kept.sort(key=lambda identity: identity.last_observed)
        kept = kept[max(0, len(kept) - self.settings.capacity) :]
        self._memory = {identity.id: identity for identity in kept}

    def doubted(self, identity: int) -> bool:
        """Whether fewer images see the person than should: perhaps there is nobody."""
        return self.live[identity].confidence < self.settings.min_confidence

    # -- merging ------------------------------------------------------------------------------------------------

    def _merge_duplicate(self, older: int, younger: int) -> None:
        """The older id stays, unless it was never believed in."""
        kept, gone = (older, younger) if self.live[older].trusted else (younger, older)
        if self.live[gone].trusted:
            self.messages.append(f'Person {gone} was merged into {kept}.')
        self._absorb(kept, gone)

    def _absorb(self, keep: int, other: int) -> None:
        kept, gone = self.live[keep], self.live.pop(other)
        if gone.last_observed > kept.last_observed:
            kept.newest, kept.seen_now, kept.state = gone.newest, gone.seen_now, gone.state
        kept.hits += gone.hits
        kept.confidence = max(kept.confidence, gone.confidence)
        kept.first_observed = min(kept.first_observed, gone.first_observed)
        kept.absorbed += [other, *gone.absorbed] if gone.trusted else gone.absorbed
        kept.trusted |= gone.trusted
        self.labels.rename(other, keep)
        self._duplicates.forget(other)


def _tokens(window: WindowPeople, persons: np.ndarray) -> np.ndarray:
    """(K, D) mean head token at the newest step over the views that see each person."""
    mine = window.people.identity[:, -1] == persons[:, None, None]  # (K, V, M)
    return np.einsum('kvm,vmd->kd', mine, window.view_people.token[:, -1]) / mine.sum((1, 2))[:, None]


def _candidates(known: Sequence[Identity], stamp: int, settings: IdentitySettings) -> Candidates:
    return Candidates(
        head=np.array([predict_head(identity.newest.motion, stamp, settings) for identity in known]),
        away=np.array([(stamp - identity.last_observed) * 1e-9 for identity in known]),
        betas=np.array([identity.betas for identity in known]),
        token=np.array([identity.token for identity in known]),
        doubted=np.array([not identity.trusted for identity in known], bool),
    )


def _moved(motion: Motion, change: Similarity) -> Motion:
    rotation, scale = change.rotation, float(change.scale)
    both = np.kron(np.eye(2), rotation)
    return dataclasses.replace(
        motion,
        head=change.apply(motion.head),
        velocity=scale * rotation @ motion.velocity,
        covariance=scale**2 * both @ motion.covariance @ both.T,
        rotation=rotation @ motion.rotation,
        angular_velocity=rotation @ motion.angular_velocity,
        rotation_covariance=both @ motion.rotation_covariance @ both.T,
    )
