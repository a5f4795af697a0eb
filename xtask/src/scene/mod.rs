//! The example picture: an evening at a lake in the mountains, drawn by numbers alone.

mod bank;
mod birch;
mod boat;
mod canvas;
mod develop;
mod house;
mod leafy;
mod light;
mod noise;
mod pine;
mod relief;
mod sky;
mod terrain;
mod vector;
mod view;
mod water;

use impasto_image::{ImageError, Picture};

use canvas::Canvas;
use house::House;
use leafy::Leafy;
use noise::Noise;
use pine::Pine;
use sky::Sky;
use terrain::Terrain;
use view::View;
use water::Water;

/// Everything random is drawn from this.
const SEED: u32 = 1831;

/// Samples a pixel along each side in the finished picture.
pub(crate) const SAMPLING: i64 = 3;

/// Draws the scene with `sampling` by `sampling` samples a pixel.
pub(crate) fn draw(sampling: usize) -> Result<Picture, ImageError> {
    let sky = Sky::new(SEED);
    let terrain = Terrain::new(SEED);
    let mut reflection = backdrop(&sky, &terrain, View::Mirrored, sampling);
    let mut canvas = backdrop(&sky, &terrain, View::Direct, sampling);
    let things = Things::new(&terrain);
    things.paint(&mut reflection, View::Mirrored);
    let water = Water { reflection: &reflection, noise: Noise(SEED ^ 0xBEEF) };
    canvas.shade(|place, colour, z| {
        let below = View::Direct.sight(place[0], place[1]).rise < -2e-4;
        if below && z.is_infinite() { (water.colour(place), z) } else { (colour, z) }
    });
    things.paint(&mut canvas, View::Direct);
    boat::gulls(&mut canvas);
    bank::paint(&mut canvas, u64::from(SEED) + 1);
    birch::paint(&mut canvas, u64::from(SEED) + 2);
    develop::develop(&canvas)
}

/// Everything that stands on the land or on the lake.
struct Things {
    house: House,
    pines: Vec<Pine>,
    grove: Vec<Leafy>,
}

impl Things {
    fn new(terrain: &Terrain) -> Self {
        let house = House::new(terrain);
        let mut pines = pine::forest(terrain, u64::from(SEED), 60_000);
        pines.retain(|tree| !house.claims(tree.foot));
        let mut grove = leafy::grove(terrain, u64::from(SEED) + 3);
        grove.retain(|tree| !house.claims(tree.foot));
        Self { house, pines, grove }
    }

    /// Paints them, the farthest first.
    fn paint(&self, canvas: &mut Canvas, view: View) {
        let behind = |z: f32| z >= self.house.foot.z;
        let (far_pines, near_pines) = self.pines.split_at(self.pines.partition_point(|tree| behind(tree.foot.z)));
        let (far_grove, near_grove) = self.grove.split_at(self.grove.partition_point(|tree| behind(tree.foot.z)));
        far_pines.iter().for_each(|tree| tree.paint(canvas, view));
        far_grove.iter().for_each(|tree| tree.paint(canvas, view));
        self.house.paint(canvas, view);
        near_pines.iter().for_each(|tree| tree.paint(canvas, view));
        near_grove.iter().for_each(|tree| tree.paint(canvas, view));
        self.house.smoke(canvas, view);
        House::jetty(canvas, view);
        boat::paint(canvas, view);
    }
}

/// Sky and land as seen from `view`.
fn backdrop(sky: &Sky, terrain: &Terrain, view: View, sampling: usize) -> Canvas {
    let mut canvas = Canvas::new(sampling);
    canvas.set_depth(|x, rows, scale| terrain.trace(view, x, rows, scale));
    canvas.shade(|[x, y], _, z| {
        let sight = view.sight(x, y);
        let colour = if z.is_finite() { terrain.colour(view, sight, z) } else { sky.colour(sight) };
        (colour, z)
    });
    canvas
}

#[cfg(test)]
mod tests {
    use impasto_image::{Limits, open};

    use super::*;

    #[test]
    #[ignore = "draws the whole picture: half a minute of a core"]
    fn the_example_is_what_is_drawn() {
        let drawn = draw(SAMPLING as usize).unwrap();
        let kept = open(&crate::root().join("examples/scene.png"), &Limits::default()).unwrap();
        assert_eq!((drawn.width, drawn.height), (kept.width, kept.height));
        // Mathematical functions differ in the last bit between systems, which may turn a few samples.
        let off = drawn.rgb.iter().zip(&kept.rgb).map(|(a, b)| (a - b).abs()).sum::<f32>();
        assert!(off / (drawn.rgb.len() as f32) < 0.004);
    }
}
