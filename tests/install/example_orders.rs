//! In which orders the files of a folder are applied: all there are, or two dozen of them, the same in every run.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;

/// So many orders are tried at most.
const MOST: usize = 24;

/// Orders of so many files.
pub fn orders(files: usize) -> Vec<Vec<usize>> {
    let fits = (1..=files)
        .try_fold(1, |all: usize, n| all.checked_mul(n))
        .is_some_and(|all| all <= MOST);
    if fits {
        return permutations(files);
    }
    let mut random = StdRng::seed_from_u64(files as u64);
    let mut chosen = BTreeSet::new();
    while chosen.len() < MOST {
        let mut order: Vec<usize> = (0..files).collect();
        order.shuffle(&mut random);
        chosen.insert(order);
    }
    chosen.into_iter().collect()
}

fn permutations(files: usize) -> Vec<Vec<usize>> {
    let Some(last) = files.checked_sub(1) else {
        return vec![Vec::new()];
    };
    let mut all = Vec::new();
    for shorter in permutations(last) {
        for place in 0..files {
            let mut order = shorter.clone();
            order.insert(place, last);
            all.push(order);
        }
    }
    all
}

#[test]
fn few_files_come_in_every_order_and_many_in_two_dozen() {
    for (files, count) in [(1, 1), (3, 6), (4, 24), (5, 24), (9, 24)] {
        let mut all = orders(files);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "{files} files");
    }
    assert_eq!(orders(9), orders(9));
}
