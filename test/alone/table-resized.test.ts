/** Nothing else may run meanwhile: the hash table of the kernel is the same for all network namespaces. */
import test from 'ava';
import { tableResized } from '../../proof/cases/kernel-disturbed.js';
import { prove } from '../completeness/prove.js';

prove(test, [tableResized]);
