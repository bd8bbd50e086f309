// Pictures that are dropped, pasted or chosen; and those of the network's own size.

// A reading of more pixels takes longer and finds no more: writing that fills a photo is hundreds of pixels high here.
const LONGEST = 1600;

/** Decodes a picture file for Pad.show(), `data` is its ImageData for reading. A photo is made smaller, turned as the
 *  camera was held, and keeps its transparency: read() lays it over white. */
export async function pictureFrom(file) {
    let bitmap;
    try {
        bitmap = await createImageBitmap(file);
    } catch {
        throw new Error(`${file.name || 'the picture'}: your browser cannot decode it, type ` +
            `${file.type || 'unknown'}; wanted a PNG, JPEG, WebP or another picture that it can show`);
    }
    const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
    const width = Math.max(1, Math.round(bitmap.width * scale));
    const height = Math.max(1, Math.round(bitmap.height * scale));
    if (scale < 1) {
        const whole = bitmap;
        bitmap = await createImageBitmap(whole, { resizeWidth: width, resizeHeight: height, resizeQuality: 'high' });
        whole.close();
    }
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return {
        name: file.name || 'the picture', width, height,
        data: context.getImageData(0, 0, width, height),
        paint: (pad) => {
            pad.fillStyle = '#fff'; // behind what is transparent
            pad.fillRect(0, 0, width, height);
            pad.drawImage(canvas, 0, 0);
        },
    };
}

/** A canvas with `pixels` [height, width] as ink of a colour: 0 is clear, 255 is all of it. */
export function inked(pixels, width, height, colour) {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d');
    const mask = new ImageData(width, height);
    for (let i = 0; i < pixels.length; i++)
        mask.data[4 * i + 3] = pixels[i];
    context.putImageData(mask, 0, 0);
    context.globalCompositeOperation = 'source-in';
    context.fillStyle = colour;
    context.fillRect(0, 0, width, height);
    return canvas;
}

/** A digit that is prepared already, for Pad.show(). */
export function sample(pixels, size, name, label) {
    return {
        name, label, pixels, width: size, height: size,
        paint: (pad, ink) => {
            pad.imageSmoothingQuality = 'high';
            pad.drawImage(inked(pixels, size, size, ink), 0, 0);
        },
    };
}

/** The same as a picture to be read: white on black, in RGBA. */
export function imageOf(pixels, size) {
    const image = new ImageData(size, size);
    for (let i = 0; i < pixels.length; i++)
        image.data.set([pixels[i], pixels[i], pixels[i], 255], 4 * i);
    return image;
}
